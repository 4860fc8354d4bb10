"""What a run has come to, as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping

from agent_runtime.results.run_result import Question, RunResult, RunStatus, StepFault, StepRecord, StepState
from agent_runtime.storage.encoding import restored
from agent_runtime.storage.protocol import RunState, StoredRun

__all__ = ("failure_in", "failure_text", "questions_of", "result_of", "result_text")


def result_text(result: RunResult) -> str:
    """Return a result as JSON.

    Raises:
        NotStorableError: JSON cannot express an output.
    """
    outputs, _ = restored(result.outputs, step=None, place="outputs")
    steps = {
        name: {
            "state": record.state,
            "attempts": record.attempts,
            "started": record.started,
            "ended": record.ended,
            "thread": record.thread,
            "usage": record.usage,
            "faults": record.faults,
        }
        for name, record in result.steps.items()
    }
    rest = f'"steps": {json.dumps(steps, default=str)}, "waiting": {json.dumps(result.waiting)}'
    return f'{{"outputs": {outputs}, {rest}}}'


def result_of(run: StoredRun) -> RunResult:
    """Return the result that is kept of a run."""
    kept = json.loads(run.outcome or "{}")
    return RunResult(
        outputs=kept["outputs"],
        status=RunStatus(run.state.value),
        run_id=run.id,
        workflow=run.workflow,
        steps={name: _record(name, about) for name, about in kept["steps"].items()},
    )


def questions_of(run: StoredRun) -> Mapping[str, Question]:
    """Return what a run waits for, by step; nothing, if it does not wait."""
    kept = json.loads(run.outcome or "{}") if run.state is RunState.WAITING else {}
    return {
        step: Question(message, tuple(options))
        for step, (message, options) in kept.get("waiting", {}).items()
    }


def failure_text(error_type: str, error: str) -> str:
    """Return a failure as JSON."""
    return json.dumps({"error_type": error_type, "error": error})


def failure_in(run: StoredRun) -> str:
    """Return the failure that is kept of a run, for people."""
    kept = json.loads(run.outcome or "{}")
    return f"{kept.get('error_type', 'an error')}: {kept.get('error', 'unknown')}"


def _record(name: str, about: Mapping[str, object]) -> StepRecord:
    values = {**about, "state": StepState(str(about["state"]))}
    faults = about["faults"]
    assert isinstance(faults, list)
    values["faults"] = tuple(StepFault(*fault) for fault in faults)
    return StepRecord(id=name, **values)  # type: ignore[arg-type]  # what a record had been
