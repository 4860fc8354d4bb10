"""The smallest thing that is judged, and what a host works with that performs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix.model.sources import Run

__all__ = ("Cell", "Job")


@dataclass(frozen=True, order=True)
class Cell:
    """Target, entry point, context and probe: the smallest thing that is judged.

    ``target`` is ``agent_runtime``, a peer's name, or a control's. ``control`` is the entry point of
    agent_runtime in the probe's own ``broken``, ``control:NAME`` a broken bridge of
    ``matrix/controls``: both must fail. ``near_miss:NAME`` is a right one that must pass.
    """

    target: str
    entry_point: str
    context: str
    probe: str

    @property
    def id(self) -> str:
        """The cell as one word that needs no quoting in a shell."""
        return f"{self.target}/{self.entry_point}/{self.context}/{self.probe}"

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Return the cell that ``text`` names.

        Raises:
            ValueError: ``text`` is not four words with slashes between.
        """
        parts = text.split("/")
        if len(parts) != 4 or not all(parts):
            raise ValueError(
                f"{text!r} is not a cell; write TARGET/ENTRY_POINT/CONTEXT/PROBE,"
                " for example agent_runtime/run_workflow/plain_script/returns_the_async_value"
            )
        return cls(*parts)


class Job(Protocol):
    """What ``host(job)`` of a context works with, in the child process.

    ``perform`` is to be called exactly where user code would stand; it judges one cell, sends the
    record, and never raises. One cell at a time: a host never performs two cells at once. A process
    that is not the child itself, such as a notebook kernel, gets its job with
    ``from matrix.child import Job; job = Job.resume()``.
    """

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells to perform, in order."""

    def perform(self, cell: Cell, *, evidence: Mapping[str, str] | None = None) -> None:
        """Check this thread's facts against the context's, then run the cell's probe right here.

        Args:
            cell: one of ``cells``.
            evidence: what this host can show of the situation, compared with the stated evidence.
        """

    def run_of(self, cell: Cell) -> Run:
        """Return a cell's callable under test, for hosts that are inside a call themselves.

        Where the probe is given sessions, this is the plain ``call`` of the same entry point.
        """
