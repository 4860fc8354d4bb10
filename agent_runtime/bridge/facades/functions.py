"""The sync forms of functions, and how their calls are made and their results presented."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import AsyncIterable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict, TypeVar, cast, get_args, runtime_checkable

from agent_runtime.bridge.caller import OnRunningLoop, Strategy
from agent_runtime.bridge.facades.signatures import Kind, sync_signature, underlying
from agent_runtime.bridge.public import Bridge
from agent_runtime.outcomes import Outcome, capture

__all__ = ("Form", "Presenter", "Settings", "dress", "enter", "iterate", "perform", "sync_function")

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

# Marks of coroutine functions. A sync form has none, and nothing of functools.wraps() either that leads
# to the async function: FastAPI, for one, unwraps a function before it asks whether to await it.
_NOT_COPIED = ("__wrapped__", "__signature__", "_is_coroutine", "_is_coroutine_mark", "async_function")


@dataclass(frozen=True)
class Settings:
    """On which bridge the calls of a facade are made, and how; see :meth:`Bridge.run_sync`."""

    bridge: Bridge
    timeout: float | None = None
    on_running_loop: OnRunningLoop = "warn"
    stall_timeout: float | None = 10.0
    strategy: Strategy = "portal"

    def __post_init__(self) -> None:
        if not isinstance(self.bridge, Bridge):
            raise TypeError(
                f"bridge={self.bridge!r}; write bridge=Bridge(), or leave it out for the shared one"
            )
        if self.on_running_loop not in get_args(OnRunningLoop):
            raise ValueError(f"on_running_loop={self.on_running_loop!r}; write 'warn', 'allow' or 'raise'")
        if self.strategy not in get_args(Strategy):
            raise ValueError(f"strategy={self.strategy!r}; write 'portal' or 'direct'")
        limits: dict[str, object] = {"timeout": self.timeout, "stall_timeout": self.stall_timeout}
        for name, seconds in limits.items():
            if isinstance(seconds, bool) or not isinstance(seconds, int | float | types.NoneType):
                raise TypeError(f"{name}={seconds!r}; write seconds as a number, or None for no limit")

    def options(self, names: tuple[str, str]) -> Options:
        """Return what to give to the methods of the bridge."""
        return {
            "timeout": self.timeout,
            "on_running_loop": self.on_running_loop,
            "stall_timeout": self.stall_timeout,
            "strategy": self.strategy,
            "names": names,
        }


class Options(TypedDict):
    """Keyword arguments of :meth:`Bridge.run_sync`, :meth:`Bridge.iterate` and :meth:`Bridge.enter`."""

    timeout: float | None
    on_running_loop: OnRunningLoop
    stall_timeout: float | None
    strategy: Strategy
    names: tuple[str, str]


@runtime_checkable
class Presenter(Protocol):
    """Turns what async code gives into what sync code can use."""

    @property
    def settings(self) -> Settings:
        """How calls are made."""

    def knows(self, value: object) -> bool:
        """Whether a facade was asked for that is made for such values."""

    def __call__(self, value: object) -> object:
        """Return a facade of the value, or the value itself."""


@dataclass(frozen=True)
class Form:
    """What there is to know about a function in order to call it from sync code.

    Attributes:
        kind: how the function is async; None for a plain one.
        names: what messages call the sync form, and what to await instead.
        presenter: for what the function returns.
    """

    kind: Kind | None
    names: tuple[str, str]
    presenter: Presenter


def perform(
    form: Form, fn: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    """Call ``fn`` on the loop thread, await what is to be awaited, return that; blocks this thread."""
    __tracebackhide__ = True
    settings = form.presenter.settings
    options = settings.options(form.names)
    if form.kind is Kind.COROUTINE and not kwargs:
        async_fn = cast("Callable[..., Coroutine[Any, Any, object]]", fn)
        return settings.bridge.run_sync(async_fn, *args, **options)
    call: Any = functools.partial(fn, *args, **kwargs)
    if form.kind is not Kind.COROUTINE:
        call = functools.partial(_call, call, form.presenter)
    call.__qualname__ = getattr(underlying(fn), "__qualname__", form.names[1])  # what messages call the work
    value = settings.bridge.run_sync(call, **options)
    return value if form.kind is Kind.COROUTINE else value.unwrap()


async def _call(fn: Callable[[], object], presenter: Presenter) -> Outcome[object]:
    """Call a function that is no coroutine function, and await what it returns if that is awaitable.

    An outcome comes back because no coroutine can raise StopIteration.
    """
    outcome = capture(fn)
    try:
        value = outcome.value
        if outcome.error is None and inspect.isawaitable(value) and not presenter.knows(value):
            return Outcome(await value)
        return outcome
    finally:
        del outcome  # see Outcome.take_error()


def iterate(
    form: Form, source: AsyncIterable[object], present: Callable[[object], object]
) -> Generator[object, object, None]:
    """Iterate over ``source`` in one task of the bridge."""
    __tracebackhide__ = True
    settings = form.presenter.settings
    with closing(settings.bridge.iterate(source, **settings.options(form.names))) as items:
        yield from _presented(items, present)


def _presented(
    items: Generator[object, Any, None], present: Callable[[object], object]
) -> Generator[object, object, None]:
    """Give the items as they are to be seen; pass on what is sent and thrown."""
    __tracebackhide__ = True
    try:
        item = next(items)
        while True:
            try:
                sent = yield present(item)
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - throw(): it is for the async generator
                item = items.throw(error)
            else:
                item = items.send(sent)
    except StopIteration:
        return


class enter(AbstractContextManager[object]):  # noqa: N801 - called as a function, beside iterate()
    """Enter and leave an async context manager in one task of the bridge."""

    def __init__(
        self,
        form: Form,
        manager: AbstractAsyncContextManager[object],
        present: Callable[[object], object],
    ) -> None:
        settings = form.presenter.settings
        self._manager = settings.bridge.enter(manager, **settings.options(form.names))
        self._present = present

    def __enter__(self) -> object:
        """Enter the manager; blocks the calling thread."""
        __tracebackhide__ = True
        return self._present(self._manager.__enter__())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> bool | None:
        """Leave the manager; blocks the calling thread."""
        __tracebackhide__ = True
        return self._manager.__exit__(kind, error, traceback)


def sync_function(fn: Callable[..., object], form: Form) -> Callable[..., object]:
    """Wrap an async function; a generator function remains one, as frameworks ask for that."""

    def call(*args: object, **kwargs: object) -> object:
        __tracebackhide__ = True
        return form.presenter(perform(form, fn, args, kwargs))

    def generate(*args: object, **kwargs: object) -> Generator[object, object, None]:
        __tracebackhide__ = True
        source = cast("AsyncIterable[object]", fn(*args, **kwargs))
        yield from iterate(form, source, form.presenter)

    wrapper = dress(generate if form.kind is Kind.GENERATOR else call, fn, form)
    wrapper.async_function = fn  # type: ignore[attr-defined]  # functions take attributes
    return wrapper


def dress(wrapper: F, fn: Callable[..., object], form: Form) -> F:
    """Give ``wrapper`` the name, docstring, signature and attributes that befit a sync form of ``fn``.

    As ``functools.wraps`` does, except that nothing leads from the wrapper to an async function.
    """
    function = underlying(fn)
    signature = sync_signature(fn, form.kind)
    for name, value in getattr(function, "__dict__", {}).items():
        if name not in _NOT_COPIED:
            setattr(wrapper, name, value)
    name, variant = form.names
    wrapper.__name__ = name.rpartition(".")[2]
    qualifier = getattr(function, "__qualname__", "").rpartition(".")[0]
    wrapper.__qualname__ = name if "." in name else f"{qualifier}.{name}".removeprefix(".")
    wrapper.__module__ = getattr(function, "__module__", None) or type(fn).__module__
    docstring = inspect.cleandoc(getattr(function, "__doc__", None) or "")
    if form.kind is not None:
        docstring += f"\n\nBlocks the calling thread; the async variant is ``{variant}``."
    wrapper.__doc__ = docstring.strip() or None
    wrapper.__annotations__ = {
        each.name: each.annotation
        for each in signature.parameters.values()
        if each.annotation is not inspect.Parameter.empty
    }
    if signature.return_annotation is not inspect.Signature.empty:
        wrapper.__annotations__["return"] = signature.return_annotation
    if hasattr(function, "__type_params__"):
        wrapper.__type_params__ = function.__type_params__  # type: ignore[attr-defined]  # Python 3.12
    wrapper.__signature__ = signature  # type: ignore[attr-defined]  # what inspect.signature() looks for
    return wrapper
