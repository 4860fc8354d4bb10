"""Facades: the sync form of a whole class, and which objects get one."""

from __future__ import annotations

import inspect
import types
from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, _AsyncGeneratorContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

from agent_runtime.bridge.facades.functions import Form, Settings, enter, iterate, sync_function
from agent_runtime.bridge.facades.members import make_members
from agent_runtime.bridge.facades.signatures import kind_of

__all__ = ("Facade", "Family", "facade_name")

A = TypeVar("A")


class Facade(Generic[A]):
    """Base of the classes that :func:`syncify` makes of async ones.

    A facade holds one object of the async class. That object belongs to the **loop thread**: it is
    constructed there, in the running loop, and each of its methods is called there, plain ``def``
    methods too, while the calling thread is blocked as by :func:`run_sync`. Only attributes and
    properties are read and set on the calling thread. Names that begin with an underscore are not
    passed on.

    Where a method, a property or an iteration gives the object itself, an object of a class that has
    a facade in the same module, or any async iterator or context manager, it gives a facade of that.
    Facades among the arguments of a method are replaced by their objects. Neither is done inside lists
    and other containers.
    """

    async_class: ClassVar[type[Any]]
    """The class behind the facade."""
    _family: ClassVar[Family]
    _object: A
    _entered: list[AbstractContextManager[object]]

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        raise TypeError("Facade is made by syncify(); write Client = syncify(AsyncClient)")

    @classmethod
    def from_async(cls, async_object: A, /) -> Self:
        """Return a facade of an object that exists already; calls nothing.

        The object's methods will be called on the loop thread: make it there, too, if it belongs to a loop.

        Raises:
            TypeError: the object is not of the facade's async class.
        """
        if not isinstance(async_object, cls.async_class):
            raise TypeError(
                f"{cls.__name__}.from_async() needs an object of {cls.async_class.__name__},"
                f" got {async_object!r}"
            )
        facade = cls.__new__(cls)
        facade._hold(async_object)  # noqa: SLF001 - an object of this very class
        return facade

    @property
    def async_object(self) -> A:
        """The object behind the facade, an instance of ``async_class``."""
        return self._object

    def _hold(self, async_object: object) -> None:
        object.__setattr__(self, "_object", async_object)
        object.__setattr__(self, "_entered", [])

    if not TYPE_CHECKING:  # a checker shall report a name that the facade's stub does not have

        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                hint = "call super().__init__() first" if name == "_object" else "async_object may have it"
                message = f"{type(self).__name__!r} object has no attribute {name!r}; {hint}"
                raise AttributeError(message, name=name, obj=self)
            value = self._present(getattr(self._object, name))
            if isinstance(value, Facade) or not callable(value) or isinstance(value, type):
                return value
            kind = kind_of(value)
            if kind is None and not inspect.isroutine(value):
                return value
            names = (f"{type(self).__name__}.{name}", f"{self.async_class.__name__}.{name}")
            return sync_function(value, Form(kind, names, self._family))

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_") or hasattr(getattr(type(self), name, None), "__set__"):
                object.__setattr__(self, name, value)
            else:
                setattr(self._object, name, value)

        def __delattr__(self, name: str) -> None:
            if name.startswith("_") or hasattr(getattr(type(self), name, None), "__delete__"):
                object.__delattr__(self, name)
            else:
                delattr(self._object, name)

    def __dir__(self) -> list[str]:
        own = (name for name in dir(self._object) if not name.startswith("_"))
        return sorted({*object.__dir__(self), *own})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self._object!r}>"

    def __str__(self) -> str:
        return str(self._object)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facade) and bool(self._object == other._object)

    def __hash__(self) -> int:
        return hash(self._object)

    def _present(self, value: object) -> object:
        return self if value is self._object else self._present_new(value)

    @classmethod
    def _present_new(cls, value: object) -> object:
        if type(value) is cls.async_class:
            return cls.from_async(cast("A", value))
        return cls._family(value)


class Family:
    """The facades on one bridge that know each other: those in the globals of one module.

    Args:
        namespace: the globals of the module where a facade is made; read anew each time, so that order
            does not matter there.
        settings: how the facades that are made on the way make their calls.
    """

    def __init__(self, namespace: dict[str, object], settings: Settings) -> None:
        self.settings = settings
        self._namespace = namespace
        self._made: dict[type, type[Facade[Any]]] = {}

    def knows(self, value: object) -> bool:
        """Whether a facade has been made for the value's class, or for one of its bases."""
        return self._find(type(value)) is not None

    def __call__(self, value: object) -> object:
        """Return what sync code can use in the place of an async object; any other value as it is."""
        facade = self._find(type(value))
        if facade is not None:
            return facade.from_async(value)
        if isinstance(value, types.AsyncGeneratorType):
            return iterate(Form(None, ("iterate", "anext"), self), value, self)
        if isinstance(value, _AsyncGeneratorContextManager):
            return enter(Form(None, ("enter", "stack.enter_async_context"), self), value, self)
        if isinstance(value, AsyncIterable | AbstractAsyncContextManager):
            return self.make(type(value)).from_async(value)
        return value

    def make(self, async_class: type[A], *, name: str | None = None) -> type[Facade[A]]:
        """Make the facade of a class; it derives from the known facades of the class's bases."""
        bases: list[type[Facade[Any]]] = []
        for base in async_class.__mro__[1:-1]:
            found = self._known(base)
            if found is not None and not any(issubclass(each, found) for each in bases):
                bases.append(found)
        name = name or facade_name(async_class)
        namespace = {
            "__doc__": async_class.__doc__,
            "__module__": self._namespace.get("__name__", "__main__"),
            "__qualname__": name,
            "_family": self,
            "async_class": async_class,
        }
        facade = types.new_class(
            name, tuple(bases) or (Facade,), exec_body=lambda body: body.update(namespace)
        )
        for member_name, member in make_members(facade):
            setattr(facade, member_name, member)
        self._made[async_class] = facade
        return facade

    def _find(self, async_class: type) -> type[Facade[Any]] | None:
        if not async_class.__flags__ & _HEAP_TYPE:  # a value of a type that is built in, as most are
            return None
        return next(filter(None, map(self._known, async_class.__mro__[:-1])), None)

    def _known(self, async_class: type) -> type[Facade[Any]] | None:
        """Return the facade of this very class: our own one first, then one in the module."""
        if async_class in self._made:
            return self._made[async_class]
        for value in tuple(self._namespace.values()):
            if isinstance(value, type) and value.__dict__.get("async_class") is async_class:
                facade = cast("type[Facade[Any]]", value)
                if facade._family.settings.bridge is self.settings.bridge:  # noqa: SLF001 - our own
                    return facade
        return None


_HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: the class was made by a class statement or the like."""


def facade_name(async_class: type) -> str:
    """Return ``Client`` for ``AsyncClient`` and ``ClientAsync``, and ``SyncPool`` for ``Pool``."""
    name = async_class.__name__
    bare = name.removeprefix("Async").removesuffix("Async")
    return f"Sync{name}" if bare in ("", name) else bare
