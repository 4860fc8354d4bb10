"""How a client uses HTTP: time limits, retries, connections, sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ("HTTPOptions",)


@dataclass(frozen=True)
class HTTPOptions:
    """How :class:`OpenAICompatibleClient` uses HTTP; clients may share it.

    Attributes:
        timeout: seconds for one question with all its attempts and the waits between them; None for no
            limit. While an answer is streamed, the reader's own time does not count.
        connect_timeout: seconds until a connection must be there.
        read_timeout: seconds that the server may be silent; what makes it long is a model that thinks
            before its first word.
        retries: how often a question is asked again after 408, 409, 429, 5xx, or a connection that
            could not be made or broke. A streamed answer of which something has been given is never
            asked for again, nor is one that took too long.
        max_retry_wait: seconds to wait before the next attempt, at most. A server that asks, with
            ``Retry-After``, for more than that is not asked again.
        max_connections: how many may be open at once on each event loop; further questions wait.
        max_reply_bytes: how long an answer may be, unpacked.
        allow_plain_http: allow ``http://`` to hosts other than this one: key and answers can be read on
            the way.
        proxy: URL of a proxy; by default none, whatever the environment says.
        ssl_context: how to check the server's certificate; by default against the authorities that
            httpx comes with.
        random: gives numbers from 0 to 1 for the waits between attempts; by default ``random.random``.
    """

    timeout: float | None = 600.0
    connect_timeout: float = 10.0
    read_timeout: float = 300.0
    retries: int = 2
    max_retry_wait: float = 30.0
    max_connections: int = 100
    max_reply_bytes: int = 8 * 2**20
    allow_plain_http: bool = False
    proxy: str | None = field(default=None, repr=False)  # it may have a password in it
    ssl_context: ssl.SSLContext | None = None
    random: Callable[[], float] | None = None

    def __post_init__(self) -> None:
        """Refuse what could only be a mistake.

        Raises:
            TypeError: a value is of a wrong type.
            ValueError: a number is out of range.
        """
        for name in ("timeout", "connect_timeout", "read_timeout"):
            if name != "timeout" or self.timeout is not None:
                _check_number(name, getattr(self, name), above=0)
        _check_number("max_retry_wait", self.max_retry_wait)
        for name, least in (("retries", 0), ("max_connections", 1), ("max_reply_bytes", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name}= is a whole number, not {type(value).__name__}")
            if value < least:
                raise ValueError(f"{name}= is {value}, and must be {least} or more")
        if self.random is not None and not callable(self.random):
            raise TypeError("random= is a function that returns numbers from 0 to 1")


def _check_number(name: str, value: object, *, above: float | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}= is a number of seconds, not {type(value).__name__}")
    if not math.isfinite(value) or value < 0 or (above is not None and value <= above):
        raise ValueError(f"{name}= is {value}, and must be a finite number of seconds, more than 0")
