"""``for`` over async iterators, and ``with`` over async context managers: one task each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, TypeVar

from agent_runtime.bridge.caller import Options
from agent_runtime.bridge.conversation import Conversation
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.outcomes import Outcome

__all__ = ("Entered", "pump")

T = TypeVar("T")


def pump(portals: PortalSet, source: AsyncIterable[T], options: Options) -> Generator[T, Any, None]:
    """Return a generator of what ``source`` produces on a portal; see :meth:`Bridge.iterate`."""

    async def work(conversation: Conversation[T]) -> None:
        iterator = aiter(source)
        try:
            await _converse(iterator, conversation)
        finally:
            if iterator is not source and isinstance(iterator, AsyncGenerator):
                await _close(iterator)  # made just now, for nobody else
            if hasattr(source, "aclose"):
                await _close(source)

    work.__qualname__ = _name_of(source)
    return _items(Conversation(portals, work, options))


async def _close(iterator: Any) -> None:
    """Close an iterator; a task group in it makes a group of the GeneratorExit, and that is no failure."""
    try:
        await iterator.aclose()
    except BaseExceptionGroup as group:
        if group.split(GeneratorExit)[1] is not None:
            raise


async def _converse(iterator: AsyncIterator[T], conversation: Conversation[T]) -> None:
    """Give the caller the items, and the iterator what they come back with; on the loop thread."""
    reply: Outcome[object] | None = None
    while True:
        try:
            item = await (anext(iterator) if reply is None else _answer(iterator, reply))
        except StopAsyncIteration:
            return
        reply = await conversation.hand_out(item)
        del item


def _answer(iterator: Any, reply: Outcome[object]) -> Awaitable[Any]:
    """Send or throw what the caller has sent or thrown; only an async generator can be sent values."""
    error = reply.take_error()
    try:
        if error is not None and hasattr(iterator, "athrow"):
            return iterator.athrow(error)  # type: ignore[no-any-return]  # whatever it is, it is awaited
        if error is not None:
            raise error
        if hasattr(iterator, "asend"):
            return iterator.asend(reply.value)  # type: ignore[no-any-return]
        raise TypeError(
            f"{type(iterator).__name__} takes no values, and was sent one of type"
            f" {type(reply.value).__name__}; send() needs an async generator, or an iterator with asend()"
        )
    finally:
        del error  # its traceback may lead to this frame


def _items(conversation: Conversation[T]) -> Generator[T, Any, None]:
    __tracebackhide__ = True
    try:
        item = conversation.begin()
        while item is not None:
            reply: Outcome[object] | None = None
            try:
                sent = yield item.value
            except GeneratorExit:  # close(), or nobody holds this any more
                raise
            except BaseException as error:  # noqa: BLE001 - throw(): it is for the async generator
                reply = Outcome(error=error)
            else:
                reply = None if sent is None else Outcome(sent)
            item = sent = None
            item = conversation.go_on(reply)
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
                reply = await conversation.hand_out(value)
                del value
                if reply is not None:
                    reply.unwrap()

        work.__qualname__ = self._name = _name_of(manager)
        self._is_used = False
        self._conversation = Conversation(portals, work, options)
        self._last_resort = _cancelling(self._conversation)

    def __enter__(self) -> T:
        """Enter the manager on the loop thread.

        Raises:
            RuntimeError: this has been entered before.
        """
        __tracebackhide__ = True
        if self._is_used:
            raise RuntimeError(f"{self._name} has been entered already; call enter() for each `with`")
        self._is_used = True
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
            self._conversation.go_on(None if error is None else Outcome(error=error))
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
