"""A mapping from names to functions that a host fills: with its own, and with those of packages it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from agent_runtime.tools.describe import mark_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ("ToolRegistry",)

F = TypeVar("F", bound=Callable[..., object])


class ToolRegistry(Mapping[str, Callable[..., object]]):
    """Functions by name, for ``tools=`` and ``functions=``; fill it first, then share it.

    A runtime copies what is in it when it is made. Two of one name are refused.

    Args:
        *functions: each under the name that ``@tool`` gives it, or its own.

    Raises:
        ValueError: two have one name, or one has none.
        TypeError: something is not callable.
    """

    def __init__(self, *functions: Callable[..., object]) -> None:
        self._functions: dict[str, Callable[..., object]] = {}
        for fn in functions:
            self.add(fn)

    def add(self, fn: F, *, name: str | None = None) -> F:
        """Add a function; also good as a decorator.

        Args:
            fn: the function.
            name: its name here; by default what ``@tool`` says, or its own.

        Returns:
            ``fn`` itself.

        Raises:
            ValueError: the name is taken, or there is none.
            TypeError: ``fn`` is not callable.
        """
        if not callable(fn):
            raise TypeError(f"a tool is a callable, not {type(fn).__name__}")
        found = name or mark_of(fn).name or getattr(fn, "__name__", "")
        if not isinstance(found, str) or not found or found == "<lambda>":
            raise ValueError(f"{fn!r} has no name of its own; write add(fn, name='...')")
        if found in self._functions:
            raise ValueError(f"there is a tool '{found}' already; write add(fn, name='...') for another name")
        self._functions[found] = fn
        return fn

    def update(self, tools: Mapping[str, Callable[..., object]]) -> None:
        """Add all functions of a mapping under its names.

        Raises:
            ValueError: a name is taken.
            TypeError: one is not callable.
        """
        for name, fn in tools.items():
            self.add(fn, name=name)

    @classmethod
    def from_entry_points(cls, group: str, *, names: Iterable[str] | None = None) -> ToolRegistry:
        """Return the functions that installed packages offer in a group of entry points.

        Nothing is loaded but what is named; a package is trusted from the moment that it is imported.

        Args:
            group: of the entry points, such as ``mycompany.tools``.
            names: the entry points to load; all of the group by default.

        Raises:
            LookupError: there is no entry point of a name, or there are several.
            TypeError: what an entry point leads to is not callable.
        """
        from importlib.metadata import entry_points

        if isinstance(names, str):
            raise TypeError("names= is a list of names, not one text")
        offered: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=group):
            offered.setdefault(point.name, []).append(point)
        registry = cls()
        for name in offered if names is None else dict.fromkeys(names):
            point = _only(offered, group, name)
            fn = point.load()
            if not callable(fn):
                kind = type(fn).__name__
                raise TypeError(
                    f"the entry point '{name}' in '{group}' leads to {kind}, which is not callable"
                )
            registry.add(fn, name=name)
        return registry

    def __getitem__(self, name: str) -> Callable[..., object]:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __repr__(self) -> str:
        return f"ToolRegistry({', '.join(self._functions)})"


def _only(offered: Mapping[str, list[EntryPoint]], group: str, name: str) -> EntryPoint:
    """Return the one entry point of a name; a package that is found twice is one."""
    found = list(dict.fromkeys(offered.get(name, [])))
    if len(found) == 1:
        return found[0]
    if found:
        packages = ", ".join(sorted({point.dist.name if point.dist else point.value for point in found}))
        raise LookupError(f"the entry point '{name}' in '{group}' is offered by several packages: {packages}")
    there = ", ".join(sorted(offered)) or "nothing"
    raise LookupError(f"no installed package offers '{name}' in '{group}'; there is {there}")
