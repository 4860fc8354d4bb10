"""What references see in a run: its inputs, and the steps that have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent_runtime.errors import ReferenceValueError
from agent_runtime.references import LookupFailed, Path, Reference, Root, evaluate, to_text
from agent_runtime.results import StepState

__all__ = ("RunScope", "StepValues")


class RunScope:
    """The values of one run; the engine writes a step's fields when it has ended, before others read them.

    Attributes:
        outputs: each step's output, by its number.
        states: how each step ended, by its number; None while it has not.
    """

    __slots__ = ("_file", "_inputs", "_numbers", "outputs", "states")

    def __init__(self, inputs: Mapping[str, object], numbers: Mapping[str, int], file: str) -> None:
        self._inputs = inputs
        self._numbers = numbers
        self._file = file
        self.outputs: list[object] = [None] * len(numbers)
        self.states: list[StepState | None] = [None] * len(numbers)

    def base(self, path: Path) -> tuple[object, int]:
        """Return the value that a path starts from, and how many of its keys led there.

        Whatever is asked of the output of a skipped step is null.

        Raises:
            LookupFailed: no such input was given.
        """
        name = str(path.keys[0])
        if path.root is Root.INPUTS:
            if name not in self._inputs:
                raise LookupFailed(f"there is no input {name!r}, only {_listed(list(self._inputs))}")
            return self._inputs[name], 1
        number = self._numbers[name]
        if path.keys[1] == "state":
            return self.states[number], 2
        if self.states[number] is StepState.SKIPPED:
            return None, len(path.keys)
        return self.outputs[number], 2

    def values_for(self, step: str | None) -> StepValues:
        """Return what a step sees, or with None what the workflow's outputs see."""
        return StepValues(self, step, self._file)


class StepValues(NamedTuple):
    """The values of references for one step; it is named when there is none."""

    scope: RunScope
    step: str | None
    file: str

    def value_of(self, reference: Reference) -> object:
        """Evaluate a reference.

        Raises:
            ReferenceValueError: it leads nowhere, or compares what cannot be compared.
        """
        reason = ""
        try:
            return evaluate(reference.node, self.scope)
        except LookupFailed as failure:
            reason = str(failure)
        raise self._failed(reference, reason)

    def text_of(self, reference: Reference) -> str:
        """Evaluate a reference and write its value out.

        Raises:
            ReferenceValueError: it leads nowhere, or to something that JSON cannot express.
        """
        value, reason = self.value_of(reference), ""
        try:
            return to_text(value)
        except (TypeError, ValueError, RecursionError) as error:
            reason = f"its value cannot be written as text: {error}"
        raise self._failed(reference, reason)

    def _failed(self, reference: Reference, reason: str) -> ReferenceValueError:
        return ReferenceValueError(
            self.step, reference.text, reason, file=self.file, line=reference.line, column=reference.column
        )


def _listed(names: Sequence[object]) -> str:
    return (
        ", ".join(repr(name) for name in names[:10]) + (", ..." if len(names) > 10 else "") or "none at all"
    )
