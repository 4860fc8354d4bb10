"""What went wrong with one attempt: which error it is, whether to ask again, and when."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from agent_runtime.errors import (
    LLMClientClosedError,
    LLMConnectionError,
    LLMRateLimitError,
    LLMReplyError,
    LLMServerError,
    LLMServiceError,
    LLMStatusError,
    LLMTimeoutError,
)
from agent_runtime.llm.openai_compatible.options import HTTPOptions
from agent_runtime.llm.openai_compatible.response import MalformedReplyError, excerpt, fault_in, parsed

if TYPE_CHECKING:
    import httpx

    from agent_runtime.secrets import Redactor

__all__ = (
    "Failure",
    "Request",
    "broken",
    "broken_off",
    "closed",
    "malformed",
    "out_of_time",
    "refused",
    "wait_asked_for",
)

_PASSING = (408, 409, 429)
_NEVER_PASSING = (501, 505)


class Request(NamedTuple):
    """What is sent, and how; its ``repr`` shows no key.

    Attributes:
        url: where to.
        place: the same for messages.
        headers: of the request.
        body: the JSON.
        redactor: blacks the secrets out of messages, whatever the server repeats.
        options: how long to wait, and for how much.
    """

    url: str
    place: str
    headers: Mapping[str, str]
    body: bytes
    redactor: Redactor
    options: HTTPOptions

    def __repr__(self) -> str:
        return f"<request to {self.place}>"


class Failure(NamedTuple):
    """One attempt that came to nothing: a value, so that no traceback holds what was sent.

    Attributes:
        error: what to raise if it is the last one.
        may_pass: whether to ask again.
        wait: how many seconds the server asks to wait, if it does.
    """

    error: LLMServiceError | LLMClientClosedError
    may_pass: bool = False
    wait: float | None = None


def closed(request: Request) -> Failure:
    """Return what it means that the client was closed."""
    return Failure(LLMClientClosedError(request.place))


def out_of_time(request: Request) -> Failure:
    """Return what it means that the time for the whole question is up."""
    return Failure(
        LLMTimeoutError(request.place, f"has not answered within 'timeout', {request.options.timeout:g} s")
    )


def malformed(request: Request, what: str) -> Failure:
    """Return what it means that the answer cannot be read."""
    return Failure(LLMReplyError(request.place, what))


def broken_off(request: Request) -> Failure:
    """Return what it means that an answer has no end, although the connection has one."""
    problem = "broke off its answer: it has neither a 'finish_reason' nor '[DONE]'"
    return Failure(LLMConnectionError(request.place, problem), may_pass=True)


def broken(request: Request, error: httpx.HTTPError | OSError) -> Failure:
    """Return what an exception of httpx means, or one of the system that httpx lets through."""
    import httpx

    place, options = request.place, request.options
    if isinstance(error, httpx.ConnectTimeout):
        problem = f"could not be connected to within 'connect_timeout', {options.connect_timeout:g} s"
        return Failure(LLMTimeoutError(place, problem), may_pass=True)
    if isinstance(error, httpx.TimeoutException):
        problem = f"said nothing within 'read_timeout', {options.read_timeout:g} s"
        return Failure(LLMTimeoutError(place, problem))
    reason = excerpt(_reason(error), request.redactor)
    if isinstance(error, httpx.ConnectError | ssl.SSLError):
        trusted = not any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
        return Failure(LLMConnectionError(place, f"cannot be connected to: {reason}"), may_pass=trusted)
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError | OSError):
        return Failure(LLMConnectionError(place, f"broke off: {reason}"), may_pass=True)
    return Failure(LLMConnectionError(place, f"cannot be asked: {type(error).__name__}: {reason}"))


def refused(request: Request, status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Return what an answer means whose status is no success.

    Args:
        request: what it answers.
        status: the HTTP status.
        headers: of the answer, with names in lower case.
        body: of the answer, or its beginning.
    """
    said, code = _said(body, request.redactor)
    problem = f"answered {_named(status)}: {said}"
    if 300 <= status < 400:
        problem = f"answered {_named(status)}, and redirects are not followed; give base_url= where it leads"
    wait = wait_asked_for(headers, time.time())
    kind = LLMRateLimitError if status == 429 else LLMServerError if status >= 500 else LLMStatusError
    passing = (status in _PASSING or status >= 500) and status not in _NEVER_PASSING
    spent = code == "insufficient_quota"  # a 429 that no wait will change
    error = kind(request.place, problem, status, wait, code)
    return Failure(error, may_pass=passing and not spent, wait=wait)


def wait_asked_for(headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds the server asks to wait; None if it does not say, or not so that it is clear.

    Args:
        headers: of the answer, with names in lower case.
        now: seconds since the epoch, for a server that tells the time to wait for but not its own.
    """
    for name, unit in (("retry-after-ms", 1_000.0), ("retry-after", 1.0)):
        given = headers.get(name, "").strip()
        try:
            seconds = float(given) / unit
        except ValueError:
            continue
        return max(seconds, 0.0) if seconds < float("inf") else None  # NaN is not less than anything
    until = _seconds_of_date(headers.get("retry-after", ""))
    if until is None:
        return None
    base = _seconds_of_date(headers.get("date", ""))  # its clock, which may differ from ours
    return max(until - (now if base is None else base), 0.0)


def _seconds_of_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _said(body: bytes, redactor: Redactor) -> tuple[str, str | None]:
    try:
        return fault_in(parsed(body), redactor) or (excerpt(body, redactor), None)
    except MalformedReplyError:
        return excerpt(body, redactor), None


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _reason(error: BaseException) -> str:
    """Return what the system says, if it does: what lies above it only says that it failed."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):  # its number is none of the system's
            return str(cause.strerror or cause)
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return str(error) or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an exception, and what it was raised from and during."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from _causes(error.exceptions[0])
        error = error.__cause__ or error.__context__
