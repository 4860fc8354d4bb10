"""syncify(): the sync form of an async function, or of a whole class, under the same signature."""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import ParamSpec, Protocol, TypeVar, overload, runtime_checkable

from agent_runtime.bridge.caller import OnRunningLoop, Strategy
from agent_runtime.bridge.facades.classes import Facade, Family
from agent_runtime.bridge.facades.functions import Form, Settings, sync_function
from agent_runtime.bridge.facades.members import has_async_members
from agent_runtime.bridge.facades.signatures import kind_of, underlying
from agent_runtime.bridge.public import Bridge, _shared

__all__ = ("Syncify", "syncify")

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")


@runtime_checkable
class Syncify(Protocol):
    """What ``syncify(timeout=5)`` returns: :func:`syncify` with its options chosen."""

    @overload
    def __call__(self, target: type[A], /) -> type[Facade[A]]: ...  # type: ignore[overload-overlap]  # a class is a callable, too; it is looked at first
    @overload
    def __call__(self, target: Callable[P, Awaitable[T]], /) -> Callable[P, T]: ...
    @overload
    def __call__(self, target: Callable[P, AsyncIterator[T]], /) -> Callable[P, Iterator[T]]: ...
    @overload
    def __call__(self, target: Callable[P, AsyncIterable[T]], /) -> Callable[P, Iterable[T]]: ...
    @overload
    def __call__(
        self, target: Callable[P, AbstractAsyncContextManager[T]], /
    ) -> Callable[P, AbstractContextManager[T]]: ...


@overload
def syncify(  # type: ignore[overload-overlap]  # a class is a callable, too; it is looked at first
    target: type[A],
    /,
    *,
    name: str | None = None,
    bridge: Bridge | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
    stall_timeout: float | None = 10.0,
    strategy: Strategy = "portal",
) -> type[Facade[A]]: ...
@overload
def syncify(
    target: Callable[P, Awaitable[T]],
    /,
    *,
    name: str | None = None,
    bridge: Bridge | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
    stall_timeout: float | None = 10.0,
    strategy: Strategy = "portal",
) -> Callable[P, T]: ...
@overload
def syncify(
    target: Callable[P, AsyncIterator[T]],
    /,
    *,
    name: str | None = None,
    bridge: Bridge | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
    stall_timeout: float | None = 10.0,
    strategy: Strategy = "portal",
) -> Callable[P, Iterator[T]]: ...
@overload
def syncify(
    target: Callable[P, AsyncIterable[T]],
    /,
    *,
    name: str | None = None,
    bridge: Bridge | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
    stall_timeout: float | None = 10.0,
    strategy: Strategy = "portal",
) -> Callable[P, Iterable[T]]: ...
@overload
def syncify(
    target: Callable[P, AbstractAsyncContextManager[T]],
    /,
    *,
    name: str | None = None,
    bridge: Bridge | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
    stall_timeout: float | None = 10.0,
    strategy: Strategy = "portal",
) -> Callable[P, AbstractContextManager[T]]: ...
@overload
def syncify(
    *,
    name: str | None = None,
    bridge: Bridge | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
    stall_timeout: float | None = 10.0,
    strategy: Strategy = "portal",
) -> Syncify: ...
def syncify(
    target: object = None,
    /,
    *,
    name: str | None = None,
    bridge: Bridge | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
    stall_timeout: float | None = 10.0,
    strategy: Strategy = "portal",
) -> object:
    """Return the sync form of an async function or class: same signature, docstring and types.

    What comes out is never async, wherever it is called: inside ``async def`` code it blocks the loop
    and returns the value. The async one stays as it is, under its own name.

    - A coroutine function, or a plain function that is annotated to return an awaitable, becomes a
      function that returns what awaiting would, by way of :meth:`Bridge.run_sync`.
    - An async generator function becomes a generator function, by way of :meth:`Bridge.iterate`. As
      with any generator, nothing happens before the first item is asked for.
    - A function made by ``asynccontextmanager`` becomes one for ``with``, by way of
      :meth:`Bridge.enter`.
    - A class becomes a :class:`Facade` of the same methods. ``async with`` becomes ``with``,
      ``async for`` becomes ``for``, an async property a property.

    All of that runs on the bridge's loop thread and blocks the calling thread. Ctrl-C, context variables
    and exceptions are as :func:`run_sync` says.

    ``functools.partial`` objects, bound methods and objects with an async ``__call__`` are functions,
    too. In a class, write ``@syncify`` directly above ``async def``, below ``@classmethod`` and the
    like. A sync form has no ``__wrapped__``, as frameworks unwrap functions to learn whether they are
    async; the original is its attribute ``async_function``.

    Type checkers see the sync signature of functions. What a class becomes they cannot compute:
    ``python -m agent_runtime.bridge.facades`` writes it down for them.

    Args:
        target: an async function or class; leave it out to give options to a decorator.
        name: of the sync form; by default that of the target without ``Async``, ``async_`` or
            ``_async``, and ``SyncPool`` for a class ``Pool``.
        bridge: whose loop thread does the work; by default the one of :func:`run_sync`.
        timeout: seconds for each call, iteration or ``with``, as of :meth:`Bridge.run_sync`,
            :meth:`Bridge.iterate` and :meth:`Bridge.enter`.
        on_running_loop: as there.
        stall_timeout: as there.
        strategy: as there; with "direct" each call has a loop of its own, on which objects die.

    Raises:
        TypeError: the target is no async function and no class with async methods; or an option is of
            the wrong type.
        ValueError: an option has a value that it cannot have.
    """
    settings = Settings(bridge or _shared, timeout, on_running_loop, stall_timeout, strategy)
    namespace = sys._getframe(1).f_globals  # noqa: SLF001 - as namedtuple() does
    family = Family(namespace, settings)
    if target is None:
        return lambda target: _sync_form(target, name, family, namespace)
    return _sync_form(target, name, family, namespace)


def _sync_form(target: object, name: str | None, family: Family, namespace: Mapping[str, object]) -> object:
    if isinstance(target, type):
        if issubclass(target, Facade) or not has_async_members(target):
            raise TypeError(_refusal(target))
        return family.make(target, name=name)
    kind = None if hasattr(target, "async_function") else kind_of(target)
    if kind is None or not callable(target):
        raise TypeError(_refusal(target))
    own = _name_of(target)
    sync = own if _is_decorated(target, own, namespace) else own.removeprefix("async_").removesuffix("_async")
    sync = name or sync or own
    variant = own if sync != own else f"{own}.async_function"
    return sync_function(target, Form(kind, (sync, variant), family))


def _is_decorated(target: object, name: str, namespace: Mapping[str, object]) -> bool:
    """Whether a function of this module is not known by its name, but is about to be: by ``@syncify``."""
    is_of_this_module = getattr(target, "__module__", None) == namespace.get("__name__")
    is_on_its_top_level = getattr(target, "__qualname__", "") == name
    return is_of_this_module and is_on_its_top_level and namespace.get(name) is not target


def _name_of(fn: object) -> str:
    """Return what a function is called: a callable object, like its class."""
    found = getattr(fn, "__name__", None) or getattr(underlying(fn), "__name__", "__call__")
    return type(fn).__name__ if found == "__call__" else str(found)


def _refusal(target: object) -> str:
    """Say what cannot be made sync, and what to write instead."""
    name = getattr(target, "__qualname__", type(target).__qualname__)
    if inspect.iscoroutine(target):
        target.close()
        got = f"the coroutine of a call; write syncify({name}), not syncify({name}())"
    elif hasattr(target, "async_function") or (isinstance(target, type) and issubclass(target, Facade)):
        got = f"{name}, which is sync already"
    elif isinstance(target, type):
        got = f"{name}, which has none"
    elif isinstance(target, classmethod | staticmethod):
        decorator = type(target).__name__
        got = f"a {decorator} object; write @{decorator} above @syncify, not below"
    elif callable(target) and inspect.isroutine(underlying(target)):
        got = f"the plain function {name}; nothing in it or its annotations is async"
    elif has_async_members(type(target)):
        got = f"an object; give it the class, and that object to syncify({name}).from_async(...)"
    else:
        got = repr(target)
    return f"syncify() needs an async function or a class with async methods, got {got}"
