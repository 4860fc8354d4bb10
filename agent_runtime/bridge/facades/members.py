"""The members of a facade: what each member of the async class becomes."""

# ruff: noqa: SLF001 - what is private to Facade is known here, and nowhere else

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from types import GenericAlias, TracebackType
from typing import TYPE_CHECKING, Any

from agent_runtime.bridge.facades.functions import Form, dress, enter, iterate, perform
from agent_runtime.bridge.facades.signatures import Kind, kind_of

if TYPE_CHECKING:
    from agent_runtime.bridge.facades.classes import Facade

__all__ = ("has_async_members", "is_passed_on", "make_members", "sync_name", "without_facades")

_SYNC_NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
# They belong to the object itself, not to what it does, or have no sync form.
_NOT_PASSED_ON = {
    *dir(object),
    *("__annotate__", "__annotate_func__", "__await__", "__class_getitem__", "__copy__", "__deepcopy__"),
    *("__del__", "__getattr__", "__getnewargs__", "__getnewargs_ex__", "__post_init__", "__setstate__"),
}
_EXHAUSTED = object()


def sync_name(name: str) -> str:
    """Return what the facade calls a member of the async class."""
    return _SYNC_NAMES.get(name, name)


def is_passed_on(name: str, names: set[str]) -> bool:
    """Whether a facade has a form of this one of a class's members; async forms win over sync twins."""
    if not name.startswith("_"):
        return True
    if name in _NOT_PASSED_ON or not (name.startswith("__") and name.endswith("__")):
        return False
    return not any(twin in names for twin, sync in _SYNC_NAMES.items() if sync == name)


def has_async_members(async_class: type) -> bool:
    """Whether a facade of the class would be of any use."""
    members = _members_of(async_class)
    return any(name in _SYNC_NAMES or kind_of(_function_in(raw)) is not None for name, raw in members.items())


def make_members(facade: type[Facade[Any]]) -> Iterator[tuple[str, object]]:
    """Return names and members for a facade: those that its bases do not have already."""
    async_class = facade.async_class
    bases = [base.async_class for base in facade.__bases__ if hasattr(base, "async_class")]
    members = _members_of(async_class)
    yield "__init__", _make_init(facade)
    if hasattr(async_class, "__class_getitem__"):
        yield "__class_getitem__", classmethod(GenericAlias)
    for name, raw in members.items():
        inherited = any(inspect.getattr_static(base, name, None) is raw for base in bases)
        if is_passed_on(name, set(members)) and not inherited and not _is_data_of_class(name, raw):
            yield sync_name(name), _make_member(facade, name, raw)


def _members_of(async_class: type) -> dict[str, object]:
    """Return the members of a class and its bases, as they stand in their dictionaries."""
    members: dict[str, object] = {}
    for base in reversed(async_class.__mro__):
        if base.__module__ not in ("abc", "builtins", "typing", "typing_extensions"):
            members |= base.__dict__
    return members


def _is_data_of_class(name: str, raw: object) -> bool:
    """Whether this is what Python itself keeps in a class: its module, annotations, slots."""
    return name.startswith("__") and not callable(_function_in(raw))


def _function_in(raw: object) -> object:
    return raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw


def _make_member(facade: type[Facade[Any]], name: str, raw: object) -> object:
    function = raw.__get__(None, facade.async_class) if isinstance(raw, functools.partialmethod) else raw
    function = _function_in(function)
    form = Form(
        kind_of(function),
        (f"{facade.__qualname__}.{sync_name(name)}", f"{facade.async_class.__qualname__}.{name}"),
        facade._family,
    )
    if isinstance(raw, property | functools.cached_property):
        return _make_property(name, raw, form)
    if isinstance(function, type) or not (callable(function) and hasattr(function, "__get__")):
        return _Attribute(name)
    if name in _PROTOCOLS:
        return dress(_PROTOCOLS[name](form), function, form)
    method = _make_method(name, function, form)
    if isinstance(raw, classmethod):
        return classmethod(method)
    if isinstance(raw, staticmethod):
        return staticmethod(dress(lambda *args, **kwargs: method(facade, *args, **kwargs), function, form))
    return method


def _make_init(facade: type[Facade[Any]]) -> object:
    """Return an ``__init__`` that is called like the async class."""
    async_class = facade.async_class

    def __init__(self: Facade[Any], *args: object, **kwargs: object) -> None:  # noqa: N807 - as it will be called
        __tracebackhide__ = True
        form = Form(None, (type(self).__name__, async_class.__qualname__), self._family)
        self._hold(perform(form, self.async_class, *without_facades(args, kwargs)))

    names = (f"{facade.__qualname__}.__init__", async_class.__qualname__)
    dress(__init__, async_class, Form(None, names, facade._family))
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = inspect.signature(__init__)
    parameters = [own, *signature.parameters.values()]
    initialise: Any = __init__
    initialise.__signature__ = signature.replace(parameters=parameters, return_annotation=None)
    return __init__


def _make_method(name: str, function: Callable[..., object], form: Form) -> Callable[..., object]:
    """Return a method for objects of the facade, and for the facade itself as a class method."""

    def call(owner: Facade[Any] | type[Facade[Any]], /, *args: object, **kwargs: object) -> object:
        __tracebackhide__ = True
        target, present = _behind(owner)
        return present(perform(form, getattr(target, name), *without_facades(args, kwargs)))

    def generate(
        owner: Facade[Any] | type[Facade[Any]], /, *args: object, **kwargs: object
    ) -> Iterator[object]:
        __tracebackhide__ = True
        target, present = _behind(owner)
        arguments, keywords = without_facades(args, kwargs)
        source = getattr(target, name)(*arguments, **keywords)
        yield from iterate(form, source, present)

    return dress(generate if form.kind is Kind.GENERATOR else call, function, form)


def _behind(owner: Facade[Any] | type[Facade[Any]]) -> tuple[object, Callable[[object], object]]:
    """Return what is behind a facade, object or class, and how it presents what comes from there."""
    if isinstance(owner, type):
        return owner.async_class, owner._present_new
    return owner._object, owner._present


class _Attribute:
    """An attribute of the async object; asked of the facade's class, that of the async class."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, facade: Facade[Any] | None, owner: type[Facade[Any]]) -> object:
        if facade is None:
            return getattr(owner.async_class, self._name)
        return facade._present(getattr(facade._object, self._name))


def _make_property(name: str, raw: property | functools.cached_property[Any], form: Form) -> property:
    def read(self: Facade[Any]) -> object:
        __tracebackhide__ = True
        value = getattr(self._object, name)
        if inspect.iscoroutine(value):
            value = perform(form, lambda: value, (), {})
        return self._present(value)

    def write(self: Facade[Any], value: object) -> None:
        setattr(self._object, name, _object_of(value))

    def delete(self: Facade[Any]) -> None:
        delattr(self._object, name)

    getter = raw.fget if isinstance(raw, property) else raw.func
    if getter is not None:
        dress(read, getter, form)
    return property(read, write, delete, raw.__doc__)


def _make_enter(form: Form) -> Callable[..., object]:
    def __enter__(self: Facade[Any]) -> object:  # noqa: N807 - as it will be called
        __tracebackhide__ = True
        manager = enter(form, self._object, self._present)
        value = manager.__enter__()
        self._entered.append(manager)
        return value

    return __enter__


def _make_exit(form: Form) -> Callable[..., object]:
    def __exit__(  # noqa: N807 - as it will be called
        self: Facade[Any],
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        __tracebackhide__ = True
        if not self._entered:
            facade = type(self).__name__
            raise RuntimeError(
                f"{form.names[0]}() was called without __enter__(); write `with {facade}(...):`"
            )
        return self._entered.pop().__exit__(kind, error, traceback)

    return __exit__


def _make_iter(form: Form) -> Callable[..., object]:
    def __iter__(self: Facade[Any]) -> Iterator[object]:  # noqa: N807 - as it will be called
        __tracebackhide__ = True
        return iterate(form, _items_of(self._object), self._present)

    return __iter__


async def _items_of(iterable: AsyncIterable[object]) -> AsyncIterator[object]:
    """Give the items; close what gives them only if it was made for that, as ``async for`` leaves it."""
    iterator = aiter(iterable)
    try:
        async for item in iterator:
            yield item
    finally:
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


def _make_next(form: Form) -> Callable[..., object]:
    def __next__(self: Facade[Any]) -> object:  # noqa: N807 - as it will be called
        __tracebackhide__ = True
        settings = form.presenter.settings
        value = settings.bridge.run_sync(_anext_or, self._object, _EXHAUSTED, **settings.options(form.names))
        if value is _EXHAUSTED:
            raise StopIteration
        return self._present(value)

    return __next__


async def _anext_or(iterator: AsyncIterator[object], default: object) -> object:
    """Return the next item, or the default where there is none."""
    return await anext(iterator, default)


_PROTOCOLS: dict[str, Callable[[Form], Callable[..., object]]] = {
    "__aenter__": _make_enter,
    "__aexit__": _make_exit,
    "__aiter__": _make_iter,
    "__anext__": _make_next,
}


def without_facades(
    args: tuple[object, ...], kwargs: dict[str, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """Put the objects in the place of their facades."""
    return tuple(map(_object_of, args)), {name: _object_of(value) for name, value in kwargs.items()}


def _object_of(value: object) -> object:
    """Return the object behind a facade; any other value as it is."""
    return value._object if hasattr(type(value), "async_class") else value  # type: ignore[attr-defined]  # a facade
