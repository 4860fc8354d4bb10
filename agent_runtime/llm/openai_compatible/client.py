"""OpenAICompatibleClient."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import Self

from agent_runtime.bridge import run_sync
from agent_runtime.errors import LLMClientClosedError, LLMTimeoutError
from agent_runtime.llm.openai_compatible.connections import Connections
from agent_runtime.llm.openai_compatible.endpoint import APIKey, Endpoint
from agent_runtime.llm.openai_compatible.exchange import answer, pieces
from agent_runtime.llm.openai_compatible.failures import Failure, Request
from agent_runtime.llm.openai_compatible.options import HTTPOptions
from agent_runtime.llm.openai_compatible.pool import OutOfTimeError, Patience, PoolClosedError
from agent_runtime.llm.openai_compatible.request import body_of
from agent_runtime.llm.openai_compatible.retries import Retries
from agent_runtime.secrets import Secret

__all__ = ("OpenAICompatibleClient",)

_NO_HEADERS: Mapping[str, str | Secret] = {}
_NO_CONFIG: Mapping[str, object] = {}


class OpenAICompatibleClient:
    """Ask a server that speaks the chat format of OpenAI: ``POST {base_url}/chat/completions``.

    Safe to share by threads, runtimes and event loops. Connections are kept open from call to call, on
    each event loop its own ones: all sync calls share a loop, and so their connections. They are closed
    by :meth:`close` or :meth:`aclose`, on leaving ``with`` or ``async with``, and with their loop.

    What a step says under ``config`` is sent as it is, ``model``, ``tools`` and ``response_format`` for
    three. The reply has ``content``, ``finish_reason``, ``model``, ``id``, and as far as the server gives
    them ``usage`` (``input_tokens``, ``output_tokens``, ``total_tokens``, ``cached_input_tokens``,
    ``reasoning_tokens``), ``tool_calls`` and ``refusal``.

    Neither the environment nor a file is read; redirects are not followed; no cookie is kept.

    Args:
        base_url: where the server is, up to ``/chat/completions``. Plain ``http`` is refused, except to
            this machine: ``localhost``, ``127.0.0.1``, ``[::1]``.
        api_key: a :class:`Secret`, sent as ``Authorization: Bearer ...``; or a function that returns it,
            ``def`` or ``async def``. A function, also in a Secret, is called on the event loop before each
            attempt: a ``def`` must not block. None for a server that wants no key.
        model: what to ask for where a step's ``config`` has no ``model``.
        config: further settings for every question; those of the step win.
        headers: what to send besides; give secret values as a :class:`Secret`.
        options: time limits, retries, connections, sizes.

    Raises:
        MissingExtraError: httpx is not installed.
        TypeError: an argument is of a wrong type.
        ValueError: the URL, a header or a setting cannot be used.

    Attributes:
        provider_name: what traces call whoever runs the model: the one whose format it is.
        model_name: the argument ``model``.
    """

    provider_name = "openai"

    def __init__(
        self,
        base_url: str,
        *,
        api_key: APIKey | None = None,
        model: str | None = None,
        config: Mapping[str, object] = _NO_CONFIG,
        headers: Mapping[str, str | Secret] = _NO_HEADERS,
        options: HTTPOptions = HTTPOptions(),  # noqa: B008 - it is frozen
    ) -> None:
        if not isinstance(options, HTTPOptions):
            raise TypeError(f"options= is an HTTPOptions, not {type(options).__name__}")
        if not isinstance(config, Mapping):
            raise TypeError(f"config= is a mapping of settings, not {type(config).__name__}")
        if model is not None and not isinstance(model, str):
            raise TypeError(f"model= is a text, not {type(model).__name__}")
        self._endpoint = Endpoint(base_url, api_key, headers, allow_plain_http=options.allow_plain_http)
        self._defaults = {"model": model, **config}
        self._options = options
        self.model_name = model
        secure = self._endpoint.url.startswith("https:")
        self._connections = Connections(options, secure=secure)

    async def call_llm(
        self,
        *,
        messages: Sequence[Mapping[str, object]],
        config: Mapping[str, object],
        task_id: str,  # noqa: ARG002 - one of the seven names of every client
        workflow_name: str,  # noqa: ARG002
        prompt_template: str | None,  # noqa: ARG002
        template_version: str | None,  # noqa: ARG002
        metadata: Mapping[str, str],  # noqa: ARG002
    ) -> Mapping[str, object]:
        """Ask once, again where that may help, and return the reply; on the running loop, blocks nothing.

        Cancelling this closes the connection, so that the server can stop.

        Raises:
            LLMRequestError: the question cannot be sent.
            LLMStatusError: the server refuses: :class:`LLMRateLimitError`, :class:`LLMServerError`, others.
            LLMConnectionError: it cannot be reached, or the connection broke.
            LLMTimeoutError: it took too long.
            LLMReplyError: what came is no chat completion.
            LLMClientClosedError: this client is closed, or was meanwhile.
            BaseException: whatever the function that gives the key raised.
        """
        question = self._question(body_of(messages, config, self._defaults, stream=False))
        async with self._patience() as patience:
            while True:
                request = await question.request()
                reply = await answer(request, patience)
                if not isinstance(reply, Failure):
                    return reply
                await question.retries.wait(reply, request, patience)

    async def stream_llm(
        self,
        *,
        messages: Sequence[Mapping[str, object]],
        config: Mapping[str, object],
        task_id: str,  # noqa: ARG002 - one of the seven names of every client
        workflow_name: str,  # noqa: ARG002
        prompt_template: str | None,  # noqa: ARG002
        template_version: str | None,  # noqa: ARG002
        metadata: Mapping[str, str],  # noqa: ARG002
    ) -> AsyncGenerator[str | Mapping[str, object], None]:
        """Ask, and give the text of the answer as it comes, then the whole reply.

        Until the first piece has come, this asks again like :meth:`call_llm`; from then on every failure
        comes out: what has been given cannot be taken back. Closing this closes the connection.

        Raises:
            LLMRequestError: the question cannot be sent.
            LLMStatusError: the server refuses.
            LLMConnectionError: it cannot be reached, or the connection broke.
            LLMTimeoutError: it took too long.
            LLMReplyError: what came is no chat completion.
            LLMClientClosedError: this client is closed, or was meanwhile.
            BaseException: whatever the function that gives the key raised.
        """
        question = self._question(body_of(messages, config, self._defaults, stream=True))
        async with self._patience() as patience:
            while True:
                request, begun, failure = await question.request(), False, None
                async with contextlib.aclosing(pieces(request, patience)) as items:
                    async for item in items:
                        if isinstance(item, Failure):
                            failure = item
                        else:
                            begun = True
                            yield item
                if failure is None:
                    return
                if begun:
                    failure = failure._replace(may_pass=False)
                await question.retries.wait(failure, request, patience)

    def close(self) -> None:
        """Close the connections, and refuse further questions; blocks the calling thread for a moment.

        From any thread, any number of times. Questions in progress end with
        :class:`LLMClientClosedError`. The connections that sync calls share are closed when this returns;
        those of other event loops as soon as their loops turn: in ``async def`` code prefer :meth:`aclose`.
        """
        run_sync(self._connections.close, names=("OpenAICompatibleClient.close", "aclose"))

    async def aclose(self) -> None:
        """Do as :meth:`close`, but block nothing: what is closed on return are the running loop's own."""
        await self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        model = self._defaults["model"]
        return f"OpenAICompatibleClient({self._endpoint.place!r}, model={model!r})"

    def _question(self, body: bytes) -> _Question:
        return _Question(self._endpoint, self._options, body)

    @contextlib.asynccontextmanager
    async def _patience(self) -> AsyncGenerator[Patience, None]:
        """Take a place among the connections of the running loop for the time of the block.

        Raises:
            LLMClientClosedError: this client is closed.
            LLMTimeoutError: no place has become free in time.
        """
        problem: LLMClientClosedError | LLMTimeoutError = LLMClientClosedError(self._endpoint.place)
        try:
            patience = Patience(await self._connections.here(), self._options.timeout)
            await patience.within(patience.pool.places.acquire())
        except PoolClosedError:
            pass
        except OutOfTimeError:
            waits = f"had no connection free within 'timeout', {self._options.timeout:g} s"
            problem = LLMTimeoutError(self._endpoint.place, f"{waits}; raise 'max_connections'")
        else:
            try:
                yield patience
            finally:
                patience.pool.places.release()
            return
        raise problem


class _Question:
    """One question and its attempts."""

    def __init__(self, endpoint: Endpoint, options: HTTPOptions, body: bytes) -> None:
        self.retries = Retries(options)
        self._endpoint = endpoint
        self._options = options
        self._body = body
        # The same for every attempt: servers that know it do not do the same twice.
        self._key = str(uuid.uuid4())

    async def request(self) -> Request:
        """Return what to send now.

        Raises:
            LLMRequestError: the key cannot be sent.
            BaseException: whatever the function that gives the key raised.
        """
        given, redactor = await self._endpoint.headers()
        headers = {
            "accept": "application/json, text/event-stream",
            "accept-encoding": "identity",  # what is packed can be a thousand times as large
            "content-type": "application/json",
            "idempotency-key": self._key,
            **given,
        }
        endpoint = self._endpoint
        return Request(endpoint.url, endpoint.place, headers, self._body, redactor, self._options)
