"""Steps that go on after they have been cancelled: reported by name, never left unnoticed."""

from __future__ import annotations

import asyncio
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
    """

    __slots__ = ("_began", "_going_on", "_loop", "_timer", "_workflow")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, workflow: str, going_on: Callable[[], Sequence[str]]
    ) -> None:
        self._workflow = workflow
        self._going_on = going_on
        self._loop = loop
        self._began = self._loop.time()
        self._timer = self._loop.call_later(PATIENCE, self._remind, PATIENCE)

    @property
    def _seconds(self) -> float:
        return self._loop.time() - self._began

    def swallowed(self, step: str) -> None:
        """Report a step that has ended as if it had not been cancelled."""
        _log.warning(
            "workflow '%s': step '%s' swallowed its cancellation and went on for %.3g s",
            *(self._workflow, step, self._seconds),
        )

    def returned(self, step: str) -> None:
        """Report a plain function that has ended at last, if that took long; on any thread."""
        if self._seconds >= WORTH_SAYING:
            _log.warning(
                "workflow '%s': step '%s' went on for %.3g s after it was cancelled:"
                " a plain function cannot be interrupted",
                *(self._workflow, step, self._seconds),
            )

    def end(self) -> None:
        """Report nothing more; on the loop."""
        self._timer.cancel()
        self._going_on = _nothing  # it leads back to the run, which holds this

    def _remind(self, waited: float) -> None:
        left = self._going_on()
        if not left:
            return
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        _log.warning(
            "workflow '%s': %s%s %s not ended %.3g s after being cancelled",
            *(self._workflow, ", ".join(f"step '{step}'" for step in left[:_NAMED]), more),
            *("has" if len(left) == 1 else "have", self._seconds),
        )
        self._timer = self._loop.call_later(waited, self._remind, 2 * waited)


def _nothing() -> Sequence[str]:
    return ()
