"""What people decide on the steps that wait for them: checked, and left with the run as a note."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent_runtime.errors import DecisionError, RunNotFoundError
from agent_runtime.runs.durable.results import questions_of
from agent_runtime.storage.protocol import Note, Storage

__all__ = ("Decision", "decide", "decisions_in")

_PREFIX = "approval "


class Decision(NamedTuple):
    """What somebody has decided.

    Attributes:
        step: on which step, by its path in the run.
        decision: one of the step's options.
        by: who has.
        comment: what is to be said about it.
    """

    step: str
    decision: str
    by: str
    comment: str

    def checked(self) -> Decision:
        """Return itself.

        Raises:
            TypeError: something of it is not a text.
        """
        for name, value in self._asdict().items():
            if not isinstance(value, str):
                raise TypeError(f"{name}= is a text, not {type(value).__name__}")
        return self


def decide(storage: Storage, run_id: str, made: Decision) -> None:
    """Leave a decision with a run that waits for it; blocks.

    Raises:
        RunNotFoundError: there is no such run.
        DecisionError: the step does not wait, has other options, or was decided on before.
    """
    run = storage.load(run_id)
    if run is None:
        raise RunNotFoundError(run_id, repr(storage))
    questions = questions_of(run)
    if made.step not in questions:
        waiting = ", ".join(repr(step) for step in questions) or "no step"
        problem = f"step {made.step!r} does not wait for a decision; {waiting} does"
        raise DecisionError(run_id, f"{problem}, the run is {run.state.value}")
    options = questions[made.step].options
    if made.decision not in options:
        raise DecisionError(
            run_id, f"step {made.step!r} takes {' or '.join(map(repr, options))}, not {made.decision!r}"
        )
    data = {"decision": made.decision, "by": made.by, "comment": made.comment, "at": time.time()}
    if storage.note(run_id, Note(f"{_PREFIX}{made.step}", json.dumps(data))):
        return
    before = decisions_in(storage.notes(run_id)).get(made.step, {})
    if before.get("decision") != made.decision:
        who = f" by {before['by']}" if before.get("by") else ""
        raise DecisionError(
            run_id, f"step {made.step!r} was decided on before{who}: {before.get('decision')!r}"
        )


def decisions_in(notes: Sequence[Note]) -> Mapping[str, Mapping[str, object]]:
    """Return what has been decided, by step."""
    return {
        note.name.removeprefix(_PREFIX): json.loads(note.data)
        for note in notes
        if note.name.startswith(_PREFIX)
    }
