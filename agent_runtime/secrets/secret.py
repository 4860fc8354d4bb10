"""What the host gives as a secret: a value that is not shown, and who may be handed it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Self

from agent_runtime.errors import SecretError
from agent_runtime.secrets.forms import MIN_LENGTH

__all__ = ("Secret",)


class Secret:
    """A value for functions and tools that nothing else shows.

    Args:
        source: the value, or a function that fetches it. A function is called for each run of a workflow
            that refers to the secret, before the first step, on the thread that ``function`` steps run on.
        allow: names of the functions and tools that may be given it; None means all that are registered.

    Raises:
        TypeError: ``source`` is neither a text nor a function without arguments, or ``allow`` is not a
            collection of names.
        SecretError: the value is too short to be found again.
    """

    __slots__ = ("_source", "allow")

    def __init__(self, source: str | Callable[[], str], *, allow: Collection[str] | None = None) -> None:
        given: object = source
        if not isinstance(given, str) and not callable(given):
            raise TypeError(f"a secret is a text, or a function that returns one, not {type(given).__name__}")
        if inspect.iscoroutinefunction(source):
            raise TypeError("a secret is fetched by a plain def, not by an async def; call run_sync() in it")
        self._source = source
        self.allow = None if allow is None else _names(allow)
        if isinstance(source, str):
            _check(source)

    @classmethod
    def of(cls, given: object) -> Secret:
        """Return a secret as it is, or made of a text or a function.

        Raises:
            TypeError: it is none of these.
            SecretError: its value is too short.
        """
        return given if isinstance(given, Secret) else cls(given)  # type: ignore[arg-type]  # it is checked there

    @property
    def is_known(self) -> bool:
        """Whether it was given as a value."""
        return isinstance(self._source, str)

    def reveal(self) -> str:
        """Return the value; a function that fetches it is called, on this thread.

        Raises:
            SecretError: what the function returned is no text, or too short.
            BaseException: whatever the function raised, the object itself.
        """
        source = self._source
        return source if isinstance(source, str) else _check(source())

    def __repr__(self) -> str:
        return "<Secret ***>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the function that fetches it, never the value.

        Raises:
            TypeError: it was given as a value.
        """
        if isinstance(self._source, str):
            raise TypeError(
                "a secret that was given as a value is not pickled; give Secret(function), and it is fetched"
                " where it is used"
            )
        return Secret, (self._source,), self.allow

    def __setstate__(self, allow: frozenset[str] | None) -> None:
        self.allow = allow


def _check(value: object) -> str:
    """Return a secret's value if it is one that can be found again."""
    if not isinstance(value, str):
        raise SecretError(f"a secret is a text, and {type(value).__name__} was returned for it")
    if len(value.strip()) < MIN_LENGTH:
        raise SecretError(
            f"a secret has {MIN_LENGTH} characters at least, blanks around it aside, or it could not be told"
            " from other text"
        )
    return value


def _names(given: object) -> frozenset[str]:
    if isinstance(given, str | bytes) or not isinstance(given, Collection):
        raise TypeError(f"allow= is a collection of names, not {type(given).__name__}")
    if not all(isinstance(name, str) for name in given):
        raise TypeError("allow= is a collection of the names of functions and tools")
    return frozenset(given)
