"""A process for each runtime and way of calling it, that runs one shape or another on demand."""

from __future__ import annotations

from benchmarks.on_demand import TURN, Child
from benchmarks.runtimes.model import Entry, Shape

__all__ = ("Runner",)


class Runner(Child):
    """A child process that has built one runtime's workflows.

    Args:
        key: the runtime.
        entry: how its runs are called.
    """

    def __init__(self, key: str, entry: Entry) -> None:
        super().__init__("benchmarks.runtimes.child", key, entry.name)
        self._runs = dict.fromkeys(Shape, 1)

    def problem(self, shape: Shape) -> str:
        """Have a shape run a few times, until a turn is long enough; return what went wrong, or ""."""
        for _ in range(3):
            try:
                self._runs[shape] = max(1, int(self._runs[shape] * TURN / self._turn(shape)))
            except RuntimeError as error:
                return str(error)
        return ""

    def micros_per_step(self, shape: Shape) -> float:
        """Have a shape run for one turn; return what one step took, in microseconds.

        Raises:
            RuntimeError: the child has failed; this is what it said.
        """
        return self._turn(shape) / self._runs[shape] / shape.steps * 1e6

    def _turn(self, shape: Shape) -> float:
        return self.seconds(f"{shape.name} {self._runs[shape]}")
