"""One of many runs, as whoever asked for them gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import RunResult

__all__ = ("MappedRun",)


@dataclass(frozen=True, slots=True)
class MappedRun:
    """What one input of :meth:`Runtime.map` came to.

    Attributes:
        index: the place of its input among all, counted from 0.
        result: what the run returned; None if it failed.
        error: what the run raised; None if it succeeded.
        submissions: how many times the run was begun: more than once when its worker was lost.
    """

    index: int
    result: RunResult | None
    error: Exception | None = None
    submissions: int = 1

    @property
    def outputs(self) -> Mapping[str, object]:
        """The outputs of the run.

        Raises:
            BaseException: the run failed; this is what it raised.
        """
        __tracebackhide__ = True
        if self.result is None:
            Outcome[None](error=self.error).unwrap()
        assert self.result is not None
        return self.result.outputs
