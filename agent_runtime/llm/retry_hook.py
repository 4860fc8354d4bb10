"""Questions that an LLM client asks again by itself: who is told, though the client knows no step."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

__all__ = ("asking_again", "told_of_repeats")

_tell: contextvars.ContextVar[Callable[[str], None] | None] = contextvars.ContextVar(
    "agent_runtime.llm.retry_hook", default=None
)


@contextlib.contextmanager
def told_of_repeats(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell somebody else as well of what is asked again in this context, on whichever thread that happens."""
    before = _tell.get()

    def both(message: str) -> None:
        tell(message)
        if before is not None:
            before(message)

    _tell.set(both)
    try:
        yield
    finally:
        _tell.set(before)  # not by its token: a task that is thrown away ends in another context


def asking_again(message: str) -> None:
    """Tell whoever wants to know that a question has failed, and is asked again; on any thread."""
    if (tell := _tell.get()) is not None:
        tell(message)
