"""Steps that go on after they have been cancelled: reported by name, never left unnoticed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

__all__ = ("Overrun",)

_log = logging.getLogger("agent_runtime")

PATIENCE = 5.0
"""Seconds that a cancelled step has for its cleanup before it is reported; a guess. Then twice as many,
and so on, as long as it goes on."""

WORTH_SAYING = 1.0
"""Seconds that a plain function may go on without a word when it has ended: it cannot do better."""

_NAMED = 5


class Overrun:
    """The time after a cancellation.

    Args:
        loop: where it was cancelled.
        workflow: the workflow's name.
        going_on: returns the ids of the cancelled steps that have not ended yet; on the loop.
        tell: told of each such step and what it does, besides the log; on the loop.
    """

    __slots__ = ("_began", "_going_on", "_loop", "_tell", "_timer", "_workflow")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        workflow: str,
        going_on: Callable[[], Sequence[str]],
        tell: Callable[[str, str], None],
    ) -> None:
        self._workflow = workflow
        self._going_on = going_on
        self._tell = tell
        self._loop = loop
        self._began = self._loop.time()
        self._timer = self._loop.call_later(PATIENCE, self._remind, PATIENCE)

    @property
    def _seconds(self) -> float:
        return self._loop.time() - self._began

    def swallowed(self, step: str) -> None:
        """Report a step that has ended as if it had not been cancelled; on the loop."""
        what = f"swallowed its cancellation and went on for {_read(self._seconds)}"
        _log.warning("workflow '%s': step '%s' %s", self._workflow, step, what)
        self._tell(step, what)

    def returned(self, step: str) -> None:
        """Report a plain function that has ended at last, if that took long; on any thread."""
        seconds = self._seconds
        if seconds < WORTH_SAYING:
            return
        what = f"went on for {_read(seconds)} after it was cancelled: a plain function cannot be interrupted"
        _log.warning("workflow '%s': step '%s' %s", self._workflow, step, what)
        with contextlib.suppress(RuntimeError):  # the loop may have been closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._tell, step, what)

    def end(self) -> None:
        """Report nothing more; on the loop."""
        self._timer.cancel()
        self._going_on = _nothing  # it leads back to the run, which holds this

    def _remind(self, waited: float) -> None:
        left = self._going_on()
        if not left:
            return
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        seconds = f"not ended {_read(self._seconds)} after being cancelled"
        _log.warning(
            "workflow '%s': %s%s %s %s",
            *(self._workflow, ", ".join(f"step '{step}'" for step in left[:_NAMED]), more),
            *("has" if len(left) == 1 else "have", seconds),
        )
        for step in left:
            self._tell(step, f"has {seconds}")
        self._timer = self._loop.call_later(waited, self._remind, 2 * waited)


def _read(seconds: float) -> str:
    """Write a time for people: three digits where it is long, no more than milliseconds where it is short."""
    return f"{seconds:.3f} s" if seconds < 1 else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _nothing() -> Sequence[str]:
    return ()
