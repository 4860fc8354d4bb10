"""The one method of an LLM client, and the three kinds that it comes in."""

from __future__ import annotations

import enum
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from agent_runtime.errors import LLMClientError

__all__ = ("LLM", "Kind", "LLMClient", "StreamingLLMClient", "fast")

F = TypeVar("F", bound=Callable[..., object])

_MARK = "_agent_runtime_fast"

_PARAMETERS = (
    "messages",
    "config",
    "task_id",
    "workflow_name",
    "prompt_template",
    "template_version",
    "metadata",
)


@runtime_checkable
class LLMClient(Protocol):
    """What is given as ``llm=``: an object with this method, ``async def`` or ``def``.

    It is called with exactly these names as keywords. The thread it runs on depends on what it is:
    ``async def`` is awaited on the loop; ``def`` is expected to block and runs on a worker thread;
    ``def`` marked with :func:`fast` is called in place on the loop.

    It may have two attributes, for traces alone: ``provider_name``, as OpenTelemetry calls whoever runs the
    model, and ``model_name``, which is asked where a step's ``config`` has no ``model``.
    """

    def call_llm(
        self,
        *,
        messages: Sequence[Mapping[str, object]],
        config: Mapping[str, object],
        task_id: str,
        workflow_name: str,
        prompt_template: str | None,
        template_version: str | None,
        metadata: Mapping[str, str],
    ) -> Mapping[str, object] | Awaitable[Mapping[str, object]]:
        """Return a mapping with ``content``, and ``usage`` if it is known.

        Messages and tools are in the wire form of :mod:`agent_runtime.llm.chat`: where the step has tools,
        ``config["tools"]`` describes them, and a reply may have ``tool_calls``.
        """


class StreamingLLMClient(LLMClient, Protocol):
    """An LLM client that can also give its answer piece by piece.

    Where a run is streamed, ``agent`` steps call this second method in the place of the first one;
    where nobody reads events, it is not called. The two are expected to answer alike.
    """

    def stream_llm(
        self,
        *,
        messages: Sequence[Mapping[str, object]],
        config: Mapping[str, object],
        task_id: str,
        workflow_name: str,
        prompt_template: str | None,
        template_version: str | None,
        metadata: Mapping[str, str],
    ) -> AsyncIterator[str | Mapping[str, object]]:
        """Give pieces of text as they come, best as an ``async def`` with ``yield``; on the loop.

        The pieces in a row are the ``content``. A mapping among them, usually the last item, adds what
        else the reply has: ``usage``, say, or ``tool_calls``, each of them whole; a ``content`` in it
        replaces the pieces.
        """


class Kind(enum.Enum):
    """How a client's method is called."""

    ASYNC = "awaited on the loop"
    BLOCKING = "called on a worker thread"
    FAST = "called in place on the loop"


def fast(fn: F) -> F:
    """Mark a ``def call_llm`` that never blocks, so that it is called in place on the loop.

    For clients that answer from memory: they save the way to a worker thread. One that blocks
    after all stops every other step of every run meanwhile.

    Args:
        fn: the function or method.

    Returns:
        ``fn`` itself.
    """
    setattr(fn, _MARK, True)
    return fn


class LLM(NamedTuple):
    """A client that has been looked at: its method, and how to call it."""

    call_llm: Callable[..., object]
    kind: Kind
    stream_llm: Callable[..., object] | None = None
    client: object = None

    @classmethod
    def of(cls, client: object) -> LLM:
        """Look at a client.

        Raises:
            LLMClientError: it has no ``call_llm`` that takes the keywords, or a ``stream_llm`` that
                does not.
        """
        if isinstance(client, type):
            raise LLMClientError(f"llm= got the class {client.__name__}, not an instance of it")
        call_llm = getattr(client, "call_llm", None)
        if not callable(call_llm):
            raise LLMClientError(f"llm= got {type(client).__name__}, which has no method call_llm()")
        _check_signature(client, call_llm)
        stream_llm = getattr(client, "stream_llm", None)
        if stream_llm is None:
            return cls(call_llm, kind_of(call_llm), None, client)
        if not callable(stream_llm):
            raise LLMClientError(f"stream_llm of {type(client).__name__} is {type(stream_llm).__name__}")
        _check_signature(client, stream_llm, name="stream_llm")
        return cls(call_llm, kind_of(call_llm), stream_llm, client)


def kind_of(call_llm: object) -> Kind:
    """Tell from the function itself how it is to be called."""
    while True:
        if getattr(call_llm, _MARK, False):
            return Kind.FAST
        if not isinstance(call_llm, partial):
            break
        call_llm = call_llm.func
    if inspect.iscoroutinefunction(call_llm):
        return Kind.ASYNC
    method = None if inspect.isroutine(call_llm) else getattr(type(call_llm), "__call__", None)  # noqa: B004
    if getattr(method, _MARK, False):
        return Kind.FAST
    return Kind.ASYNC if inspect.iscoroutinefunction(method) else Kind.BLOCKING


def _check_signature(client: object, method: Callable[..., object], *, name: str = "call_llm") -> None:
    try:
        signature = inspect.signature(method)
    except Exception:  # noqa: BLE001 - built-in callables may have none; an object's own may raise anything
        return
    try:
        signature.bind(**dict.fromkeys(_PARAMETERS))
    except TypeError as error:
        raise LLMClientError(f"{name}() of {type(client).__name__} cannot be called: {error}") from None
