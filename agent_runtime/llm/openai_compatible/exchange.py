"""One attempt: a request, and what its answer says, at once or piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from agent_runtime.llm.openai_compatible.body import Body, guarded
from agent_runtime.llm.openai_compatible.chunks import StreamedAnswer
from agent_runtime.llm.openai_compatible.failures import Failure, Request, broken_off, malformed, refused
from agent_runtime.llm.openai_compatible.pool import Patience
from agent_runtime.llm.openai_compatible.response import (
    MalformedReplyError,
    excerpt,
    fault_in,
    parsed,
    reply_of,
)
from agent_runtime.llm.openai_compatible.sse import EventData

if TYPE_CHECKING:
    import httpx

__all__ = ("answer", "pieces")

T = TypeVar("T")

_MAX_FAULT = 64 * 1024
"""Bytes that are read of an answer that is an error; messages show 200 characters of it."""
_AFTERTHOUGHT = 5.0
"""Seconds to wait, once the server has said why its answer ends, for the usage and for ``[DONE]``."""
_FAREWELL = 1.0
"""Seconds to wait after ``[DONE]`` for the end of the body, so that the connection can be used again."""
_DONE = b"[DONE]"


async def answer(request: Request, patience: Patience) -> dict[str, object] | Failure:
    """Send a request and return the reply, when all of it is there."""
    sent = await _sent(request, patience)
    if isinstance(sent, Failure):
        return sent
    async with contextlib.aclosing(Body(sent, request, patience)) as body:
        if sent.is_success:
            return await _whole(request, sent, body)
        return refused(request, sent.status_code, sent.headers, await body.beginning(_MAX_FAULT))


async def pieces(
    request: Request, patience: Patience
) -> AsyncGenerator[str | dict[str, object] | Failure, None]:
    """Send a request and give the text of the answer as it comes, then the whole reply; or a failure."""
    sent = await _sent(request, patience)
    if isinstance(sent, Failure):
        yield sent
        return
    async with contextlib.aclosing(Body(sent, request, patience)) as body:
        if not sent.is_success:
            yield refused(request, sent.status_code, sent.headers, await body.beginning(_MAX_FAULT))
        elif _kind_of(request, sent) in ("application/json", "text/html"):
            whole = await _whole(request, sent, body)
            if not isinstance(whole, Failure) and isinstance(whole["content"], str) and whole["content"]:
                yield whole["content"]
            yield whole
        else:
            async with contextlib.aclosing(_streamed(request, sent, body)) as items:
                async for item in items:
                    yield item


async def _sent(request: Request, patience: Patience) -> httpx.Response | Failure:
    """Send a request and return the head of its answer."""
    import httpx

    options = request.options
    timeouts = {"connect": options.connect_timeout, "pool": None}
    timeouts |= dict.fromkeys(("read", "write"), options.read_timeout)
    message = httpx.Request(
        "POST",
        request.url,
        headers=request.headers,
        content=request.body,
        extensions={"timeout": timeouts},
    )
    return await guarded(patience.pool.transport.handle_async_request(message), request, patience)


async def _whole(request: Request, response: httpx.Response, body: Body) -> dict[str, object] | Failure:
    data = await body.all()
    if isinstance(data, Failure):
        return data
    kind = _kind_of(request, response) or "something without a content type"
    return _read(request, f"answered {response.status_code} with {kind}", data, reply_of)


async def _streamed(
    request: Request, response: httpx.Response, body: Body
) -> AsyncGenerator[str | dict[str, object] | Failure, None]:
    events, answer, heard = EventData(), StreamedAnswer(), False
    while not answer.complete:
        part = await _next_part(body, answer)
        if isinstance(part, Failure):
            yield part
            return
        for data in events.feed(part) if part else events.end():
            heard = True
            answer.complete = answer.complete or data.strip() == _DONE
            if answer.complete or not data.strip():  # some servers keep a connection alive with nothing
                continue
            piece = _read(request, "streamed a chunk", data, answer.add)
            if isinstance(piece, Failure):
                yield piece if part else broken_off(request)  # half a chunk at the end is a broken line
                return
            if piece:
                yield piece
        if not part:
            break
    if not answer.finished and not answer.complete:
        kind = _kind_of(request, response) or "something without a content type"
        nothing = malformed(request, f"answered {response.status_code} with {kind}, in which are no events")
        yield broken_off(request) if heard else nothing
        return
    await _farewell(body)
    yield _read(request, "streamed an answer", b"{}", lambda _: answer.reply())


async def _next_part(body: Body, answer: StreamedAnswer) -> bytes | Failure:
    """Return the next part; nothing if there is none, nor need be."""
    if not answer.finished:
        return await body.part()
    part: bytes | Failure = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_AFTERTHOUGHT):
            part = await body.part()
    return b"" if isinstance(part, Failure) else part


async def _farewell(body: Body) -> None:
    """Read what comes after the last event, which is the end, so that the connection can be kept."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            while isinstance(part := await body.part(), bytes) and part:
                pass


def _read(request: Request, what: str, data: bytes, made: Callable[[Mapping[str, object]], T]) -> T | Failure:
    """Return what is made of JSON, or in which way it is not what it should be."""
    try:
        said = parsed(data)
        fault = None if "choices" in said else fault_in(said, request.redactor)
        if fault is None:
            return made(said)
        problem = f"which is an error: {fault[0]}"
    except MalformedReplyError as error:
        problem = error.text(request.redactor)
    return malformed(request, f"{what}, {problem}")


def _kind_of(request: Request, response: httpx.Response) -> str:
    """Return the content type, without its parameters."""
    kind: str = response.headers.get("content-type", "")
    return excerpt(kind.partition(";")[0].strip().lower(), request.redactor)[1:-1] if kind.strip() else ""
