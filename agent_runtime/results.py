"""What a run returns: outputs, and a record of every step."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ("RunResult", "RunStatus", "StepRecord", "StepState")


class StepState(enum.StrEnum):
    """How a step ended, in a run that succeeded."""

    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"


class RunStatus(enum.StrEnum):
    """How a run ended; one that fails raises instead of returning a result."""

    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What happened to one step.

    Attributes:
        id: the step.
        state: whether it ran or was skipped.
        attempts: how many times it was tried; 0 when it was skipped.
        started: when it became ready and began, in seconds since the epoch.
        ended: when it ended, in seconds since the epoch.
        thread: name of the thread that its function ran on; None when it was skipped.
        usage: what the LLM client reported, if anything.
    """

    id: str
    state: StepState
    attempts: int
    started: float
    ended: float
    thread: str | None = None
    usage: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run that succeeded returns.

    Attributes:
        outputs: the workflow's outputs by name; where it declares none, every step's output by id.
        status: always succeeded, for now.
        run_id: a random id, the one that LLM clients see as ``instance_id``.
        workflow: the workflow's name.
        steps: one record for each step by id, in the order of the file.
    """

    outputs: Mapping[str, object]
    status: RunStatus
    run_id: str
    workflow: str
    steps: Mapping[str, StepRecord] = field(default_factory=dict)
