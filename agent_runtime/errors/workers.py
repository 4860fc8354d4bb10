"""What goes wrong where many runs are given to other threads, processes or machines."""

from __future__ import annotations

from collections.abc import Sequence

from agent_runtime.errors.base import AgentRuntimeError

__all__ = ("ExecutorBrokenError", "NotPortableError", "RemoteError", "WorkerLostError")


class NotPortableError(AgentRuntimeError, TypeError):
    """Something cannot be sent to another process, or cannot come back from there.

    Attributes:
        problems: what it is, why, and what to write instead; one text each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


class RemoteError(AgentRuntimeError):
    """Stands for an exception of another process that cannot be sent itself.

    Attributes:
        error_type: name of the exception's class.
        error: the exception as text.
    """

    def __init__(self, error_type: str, error: str) -> None:
        super().__init__(error_type, error)
        self.error_type = error_type
        self.error = error

    def __str__(self) -> str:
        return f"{self.error_type}: {self.error}"


class WorkerLostError(AgentRuntimeError):
    """A run was lost: each worker that was given it ended before the run did.

    What the executor said of the last one is the ``__cause__``.

    Attributes:
        submissions: how many times the run was given to a worker.
    """

    def __init__(self, submissions: int) -> None:
        super().__init__(submissions)
        self.submissions = submissions

    def __str__(self) -> str:
        times = "once" if self.submissions == 1 else f"{self.submissions} times"
        return f"the run was given to a worker {times}, and the worker ended before the run did"


class ExecutorBrokenError(AgentRuntimeError):
    """The executor takes no more work; what it said is the ``__cause__``.

    Everything that had ended before has been handed out.

    Attributes:
        lost: indices of the inputs that were in progress, and of which nothing is known.
        begun: how many inputs had been taken; those after them have not been touched.
    """

    def __init__(self, lost: Sequence[int], begun: int) -> None:
        super().__init__(tuple(lost), begun)
        self.lost = tuple(lost)
        self.begun = begun

    def __str__(self) -> str:
        return (
            f"the executor takes no more work; {len(self.lost)} of {self.begun} runs were in progress"
            f" ({_listed(self.lost)}); give a function that makes the executor, as in"
            " executor=ProcessPoolExecutor, and a new one is made when one breaks"
        )


def _listed(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:10]))
    return f"inputs {shown}{', ...' if len(indices) > 10 else ''}" if indices else "none is lost"
