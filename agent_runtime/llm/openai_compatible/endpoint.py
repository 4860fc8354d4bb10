"""Where a server is asked, and with which headers."""

from __future__ import annotations

import inspect
import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

from agent_runtime.errors import LLMRequestError
from agent_runtime.secrets import Redactor, Secret

__all__ = ("APIKey", "Endpoint")

APIKey = Secret | Callable[[], "str | Secret | Awaitable[str | Secret]"]
"""A key, or what gives it anew for each attempt."""

_OWN_HEADERS = ("accept", "accept-encoding", "connection", "content-length", "content-type", "host")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_PATH = "/chat/completions"


class Endpoint:
    """Where to ask, and as whom. Nothing of it is sent before the first question.

    Args:
        base_url: where the server is.
        key: of the server, if it wants one.
        headers: what the host wants to be sent besides.
        allow_plain_http: whether that may go unencrypted to another machine.

    Attributes:
        url: what is asked, with its query.
        place: the same for people, without the query.

    Raises:
        TypeError: something is of a wrong type.
        ValueError: the URL or a header cannot be used.
    """

    def __init__(
        self,
        base_url: object,
        key: APIKey | None,
        headers: Mapping[str, str | Secret],
        *,
        allow_plain_http: bool,
    ) -> None:
        self.url, self.place = _checked_url(base_url, allow_plain_http=allow_plain_http)
        if key is not None and not isinstance(key, Secret) and not callable(key):
            raise TypeError(
                f"api_key= is a Secret or a function that returns one, not {type(key).__name__};"
                " write Secret('...'), or for a variable of the environment Secret(lambda: os.environ['...'])"
            )
        self._key = key
        self._headers = tuple(_checked_headers(headers))
        self._redacted: tuple[list[str], Redactor] = ([], Redactor(()))

    async def headers(self) -> tuple[dict[str, str], Redactor]:
        """Return what to send now, and what blacks the secrets in it out.

        Raises:
            LLMRequestError: the key, or a secret header, cannot be sent.
            BaseException: whatever a function that gives a secret raised.
        """
        sent = {name: given.reveal() if isinstance(given, Secret) else given for name, given in self._headers}
        hidden = [sent[name] for name, given in self._headers if isinstance(given, Secret)]
        if self._key is not None:
            hidden.append(await _revealed(self._key))
            sent["authorization"] = f"Bearer {hidden[-1]}"
        if not all(_VALUE.fullmatch(secret) for secret in hidden):
            sent, hidden = {}, []  # a traceback may show this frame
            raise LLMRequestError(
                "the API key, or a secret header, has a character that headers cannot have; a line break at"
                " its end, perhaps"
            )
        known, redactor = self._redacted
        if known != hidden:  # making one takes a while
            redactor = Redactor(hidden)
            self._redacted = hidden, redactor
        return sent, redactor

    def __repr__(self) -> str:
        return f"<endpoint {self.place}>"


async def _revealed(key: APIKey) -> str:
    """Return the key of now."""
    if not isinstance(key, Secret):
        given: object = key()
        if inspect.isawaitable(given):
            given = await given
        try:
            key = Secret.of(given)
        except TypeError:
            raise LLMRequestError(
                f"api_key= is a function that returned {type(given).__name__}, and no text"
            ) from None
    return key.reveal()


def _checked_url(base_url: object, *, allow_plain_http: bool) -> tuple[str, str]:
    """Return the URL to ask, and the same for people."""
    if not isinstance(base_url, str):
        raise TypeError(f"base_url= is a text, not {type(base_url).__name__}")
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"base_url= is no URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url= has a name or a password in it; give it as api_key= or in headers=")
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"base_url= is {base_url!r}; write it as https://host/v1")
    if parts.fragment or re.search(r"[\x00-\x20\x7f-\U0010ffff]", base_url):
        raise ValueError("base_url= has a fragment, a space, or a character that no URL has")
    path = parts.path.rstrip("/")
    if path.endswith(_PATH):
        raise ValueError(f"base_url= ends before {_PATH}; leave that out")
    if parts.scheme == "http" and not allow_plain_http and not _is_loopback(host):
        raise ValueError(
            f"base_url= is plain http to {host}: key and answers could be read on the way; use https, or"
            " HTTPOptions(allow_plain_http=True)"
        )
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port is not None else ""
    place = urlunsplit((parts.scheme, netloc, path + _PATH, "", ""))
    return f"{place}?{parts.query}" if parts.query else place, place


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_headers(headers: Mapping[str, str | Secret]) -> Iterator[tuple[str, str | Secret]]:
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers= is a mapping, not {type(headers).__name__}")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(str(name)):
            raise ValueError(f"headers= has {name!r}, which is no name of a header")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"headers= has {name!r}, which the client sets itself")
        if not isinstance(value, str | Secret):
            raise TypeError(f"headers={{{name!r}: ...}} is {type(value).__name__}, no text and no Secret")
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            raise ValueError(f"headers={{{name!r}: ...}} has characters that no header may have")
        yield name.lower(), value
