"""``for`` over async iterators, and ``with`` over async context managers: one task each."""

from __future__ import annotations

from collections.abc import AsyncIterable, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, TypeVar

from agent_runtime.bridge.caller import Options
from agent_runtime.bridge.conversation import Conversation
from agent_runtime.bridge.portals import PortalSet

__all__ = ("Entered", "pump")

T = TypeVar("T")


def pump(portals: PortalSet, source: AsyncIterable[T], options: Options) -> Generator[T, None, None]:
    """Return a generator of what ``source`` produces on a portal; see :meth:`Bridge.iterate`."""

    async def work(conversation: Conversation[T]) -> None:
        closing = getattr(source, "aclose", None)
        try:
            async for item in source:
                await conversation.hand_out(item)
                del item
        finally:
            if closing is not None:
                await closing()

    work.__qualname__ = _name_of(source)
    return _items(Conversation(portals, work, options))


def _items(conversation: Conversation[T]) -> Generator[T, None, None]:
    __tracebackhide__ = True
    try:
        item = conversation.begin()
        while item is not None:
            yield item.value
            item = None
            item = conversation.go_on()
    finally:
        try:
            conversation.cancel()
        except BaseException:  # it may have been a signal handler's, before the work was cancelled
            conversation.cancel()
            raise


class Entered(Generic[T]):
    """A sync context manager around an async one; see :meth:`Bridge.enter`."""

    def __init__(self, portals: PortalSet, manager: AbstractAsyncContextManager[T], options: Options) -> None:
        async def work(conversation: Conversation[T]) -> None:
            async with manager as value:
                error = await conversation.hand_out(value)
                del value
                if error is not None:
                    raise error

        work.__qualname__ = _name_of(manager)
        self._conversation = Conversation(portals, work, options)
        self._last_resort = _cancelling(self._conversation)

    def __enter__(self) -> T:
        """Enter the manager on the loop thread."""
        __tracebackhide__ = True
        try:
            next(self._last_resort)
            item = self._conversation.begin()
            assert item is not None
            return item.value
        except BaseException:  # Ctrl-C, say, when the manager has been entered already
            self._last_resort.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Exit it there, in the same task, with what the block raised; return whether it dealt with that."""
        __tracebackhide__ = True
        try:
            self._conversation.go_on(error)
        except BaseException as raised:
            if raised is error:
                return False
            raise
        finally:
            self._last_resort.close()
        return error is not None


def _cancelling(conversation: Conversation[T]) -> Generator[None, None, None]:
    """Cancel the work at the end, which is at the latest when this generator is freed.

    Python may raise Ctrl-C between ``__enter__`` and ``__exit__``: then nobody leaves the manager. A
    ``__del__`` in its place would run every time, and swallow a Ctrl-C that comes just then.
    """
    try:
        yield
    finally:
        try:
            conversation.cancel()
        except BaseException:  # as in _items()
            conversation.cancel()
            raise


def _name_of(source: object) -> str:
    return getattr(source, "__qualname__", type(source).__qualname__)
