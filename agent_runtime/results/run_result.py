"""What a run returns: outputs, and a record of every step."""

from __future__ import annotations

import enum
import itertools
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from agent_runtime.results.usage import total

__all__ = ("REJECT", "Question", "RunResult", "RunStatus", "StepFault", "StepRecord", "StepState")


class StepState(enum.StrEnum):
    """How a step ended, in a run that succeeded."""

    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    RECOVERED = "recovered"
    """It failed, and its fallback gave the output."""
    FAILED = "failed"
    """It failed, and the run went on all the same."""


class RunStatus(enum.StrEnum):
    """How a run ended; one that fails raises instead of returning a result."""

    SUCCEEDED = "succeeded"
    WAITING = "waiting"
    """Steps wait for somebody's decision, and nothing else can be done."""


REJECT = "reject"
"""The decision after which a step fails."""


class Question(NamedTuple):
    """What a step with ``approval`` asks.

    Attributes:
        message: the question.
        options: what can be decided.
    """

    message: str
    options: tuple[str, ...]


class StepFault(NamedTuple):
    """A failure that did not end the run; as texts, so that nothing is kept alive by a traceback.

    Attributes:
        error_type: name of the exception's class.
        error: the exception as text.
        item: index of the item that failed, in a step with ``for_each``; else None.
    """

    error_type: str
    error: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What happened to one step.

    Attributes:
        id: the step.
        state: how it ended.
        attempts: how many times it was tried; 0 when it was skipped. Of a step with ``for_each`` or
            ``repeat``: how many items it was begun for, or how many times it was done.
        started: when it became ready and began, in seconds since the epoch.
        ended: when it ended, in seconds since the epoch.
        thread: name of the thread that its function ran on; None when it was skipped.
        usage: what the LLM client has reported, if anything: of all its turns, attempts and items.
        faults: failures that its ``on_error`` or ``fallback`` has dealt with, those of items included.
    """

    id: str
    state: StepState
    attempts: int
    started: float
    ended: float
    thread: str | None = None
    usage: Mapping[str, object] | None = None
    faults: tuple[StepFault, ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run that succeeded returns, or one that waits.

    Attributes:
        outputs: the workflow's outputs by name; where it declares none, every step's output by id. Empty
            while the run waits.
        status: succeeded or waiting.
        run_id: a random id, the one that LLM clients see as ``instance_id``.
        workflow: the workflow's name.
        steps: one record for each step that has ended by id, in the order of the file.
        waiting: what is asked, by the path of the step that waits for the answer.
    """

    outputs: Mapping[str, object]
    status: RunStatus
    run_id: str
    workflow: str
    steps: Mapping[str, StepRecord] = field(default_factory=dict)
    waiting: Mapping[str, Question] = field(default_factory=dict)

    @property
    def usage(self) -> Mapping[str, object]:
        """What all steps have used together, attempts that failed included; empty if none says.

        With ``Options(prices=...)`` there is ``cost``; None if that of a part is not known.
        """
        used: Mapping[str, object] | None = None
        for record in self.steps.values():
            used = total(used, record.usage)
        return {} if used is None else used

    def __repr__(self) -> str:
        """Show the first outputs and steps, shortened: ``asyncio.run()`` has this made of what it returns."""
        return (
            f"RunResult(outputs={_first_of(self.outputs)}, status={self.status!r}, run_id={self.run_id!r},"
            f" workflow={self.workflow!r}, steps={_first_of(self.steps)}, waiting={_first_of(self.waiting)})"
        )


_SHOWN = 10
"""Outputs and steps that the text of a result shows; a guess."""

_short = reprlib.Repr()
_short.maxlevel = 3
_short.maxdict = _short.maxlist = _short.maxtuple = _short.maxset = _short.maxfrozenset = _SHOWN
_short.maxstring = _short.maxother = 200


def _first_of(values: Mapping[str, object]) -> str:
    shown = [f"{name!r}: {_short.repr(value)}" for name, value in itertools.islice(values.items(), _SHOWN)]
    if len(values) > _SHOWN:
        shown.append(f"... {len(values) - _SHOWN} more")
    return f"{{{', '.join(shown)}}}"
