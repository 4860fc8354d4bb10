"""Blacking secrets out: of texts, and of values with texts in them."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NoReturn, TypeVar

from agent_runtime.secrets.forms import forms_of

__all__ = ("HIDDEN", "Redactor", "redact")

T = TypeVar("T")

HIDDEN = "***"
"""What stands in a secret's place."""

_MAX_DEPTH = 100
"""Levels of a value that are looked into; what is deeper is hidden as a whole."""

_HARMLESS = (type(None), bool)

_living: dict[int, weakref.ref[Redactor]] = {}
"""All redactors. A dict and no WeakSet: a finaliser may make or drop one while this is being read, and
copying a dict is one step."""


def redact(value: object) -> object:
    """Return a value without the secrets of all runs in progress and of all clients.

    For what does not belong to a run: logs, exporters, reports. May be called on any thread.

    Args:
        value: a text, or anything with texts in it; see :meth:`Redactor.value`.
    """
    for reference in tuple(_living.copy().values()):
        redactor = reference()
        if redactor is not None:
            value = redactor.value(value)
    return value


class Redactor:
    """Blacks out some secrets, in every form in which they are likely to be met.

    Finds a secret as it is, escaped as in JSON, HTML, URLs and Python's ``repr()``, in hexadecimal digits
    and in base64, also as a part of something longer. As long as it lives, :func:`redact` knows its secrets.
    May be shared by threads.

    Args:
        secrets: their values.
    """

    __slots__ = ("__weakref__", "_forms", "_in_bytes", "_in_numbers")

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        for secret in secrets:
            forms |= forms_of(secret)
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self._in_bytes = tuple(form.encode("utf-8", "surrogatepass") for form in self._forms)
        self._in_numbers = any(set(form) <= set("0123456789.-+e") for form in self._forms)
        own = id(self)
        _living[own] = weakref.ref(self, lambda _: _living.pop(own, None))

    def __repr__(self) -> str:
        return "<Redactor>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Redactor is not pickled: it holds secrets")

    @property
    def longest(self) -> int:
        """The number of characters of the longest form."""
        return len(self._forms[0]) if self._forms else 0

    def text(self, text: str) -> str:
        """Return a text with ``***`` in the place of each secret."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text

    def value(self, value: object) -> object:
        """Return a value with ``***`` in the place of each secret; the very object if there is none in it.

        Looks into texts, bytes, mappings and their keys, sequences, sets and dataclasses, and at what
        other objects say by ``repr()`` and ``str()``: one that says a secret is replaced by that text
        without it. What has changed is made of plain dicts and lists.
        """
        return _Pass(self).value(value, 0)

    def held_back(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a secret."""
        for count in range(min(len(text), self.longest - 1), 0, -1):
            end = text[-count:]
            if any(form.startswith(end) for form in self._forms):
                return count
        return 0

    def data(self, data: bytes) -> bytes:
        """Return bytes with ``***`` in the place of each secret, written in UTF-8."""
        for form in self._in_bytes:
            if form in data:
                data = data.replace(form, HIDDEN.encode())
        return data

    def number(self, value: complex) -> object:
        """Return a number, or ``***`` if its digits are a secret's."""
        if not self._in_numbers:
            return value
        try:
            shown = repr(value)
        except ValueError:  # more digits than Python writes out
            return value
        return value if self.text(shown) == shown else HIDDEN


class _Pass:
    """One walk through a value; what stands in several places, or in itself, is walked through once."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._seen: dict[int, tuple[object, object]] = {}

    def value(self, value: object, depth: int) -> object:
        """Return the value without secrets."""
        if isinstance(value, _HARMLESS):
            return value
        if isinstance(value, str):
            text = self._redactor.text(value)
            return value if text == value else text
        if isinstance(value, int | float | complex):
            return self._redactor.number(value)
        known = self._seen.get(id(value))
        if known is not None:
            return known[1]
        if depth >= _MAX_DEPTH:
            return HIDDEN
        self._seen[id(value)] = value, HIDDEN  # what it is where it stands inside itself
        clean = self._looked_into(value, depth + 1)
        self._seen[id(value)] = value, clean
        return clean

    def _looked_into(self, value: object, depth: int) -> object:
        if isinstance(value, bytes | bytearray):
            data = self._redactor.data(bytes(value))
            return value if data == value else data
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(value, depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._fields(value, depth)
        return self._said(value)

    def _mapping(self, value: Mapping[object, object], depth: int) -> object:
        pairs = list(value.items())
        clean = [(self.value(key, depth), self.value(inner, depth)) for key, inner in pairs]
        if all(
            key is was_key and inner is was for (key, inner), (was_key, was) in zip(clean, pairs, strict=True)
        ):
            return value
        return dict(clean)

    def _items(
        self, value: list[object] | tuple[object, ...] | set[object] | frozenset[object], depth: int
    ) -> object:
        items = list(value)
        clean = [self.value(item, depth) for item in items]
        if all(now is was for now, was in zip(clean, items, strict=True)):
            return value
        make: Callable[[list[object]], object] | None = getattr(value, "_make", None)  # a named tuple's
        if callable(make):
            return make(clean)
        plain = next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))
        return plain(clean)

    def _fields(self, value: object, depth: int) -> object:
        names = [field.name for field in dataclasses.fields(value)]  # type: ignore[arg-type]  # it is one
        before = {name: getattr(value, name) for name in names if hasattr(value, name)}
        clean = {name: self.value(inner, depth) for name, inner in before.items()}
        changed = {name: inner for name, inner in clean.items() if inner is not before[name]}
        if changed:
            value = copy.copy(value)
            for name, inner in changed.items():
                object.__setattr__(value, name, inner)  # it may be frozen
        return self._said(value)

    def _said(self, value: object) -> object:
        """Return an object, or what it says of itself without secrets."""
        for said in _sayings(value):
            clean = self._redactor.text(said)
            if clean != said:
                return clean
        return value


def _sayings(value: object) -> Iterator[str]:
    for say in (repr, str):
        with contextlib.suppress(Exception):  # the user's own may raise anything; then it says nothing
            yield say(value)
