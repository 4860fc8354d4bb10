"""What references see in a run: its inputs, the steps that have ended, and words that mean something here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from agent_runtime.errors import ReferenceValueError
from agent_runtime.errors.stacks import is_of_the_caller
from agent_runtime.expressions import LookupFailed, Path, Reference, Root, Scope, evaluate_expression, to_text
from agent_runtime.results.run_result import StepFault, StepState

if TYPE_CHECKING:
    from agent_runtime.secrets import RunSecrets

__all__ = ("NOTHING", "BlockScope", "RunScope", "StepValues", "fault_as_value")

NOTHING = object()
"""The meaning of a word that stands for nothing yet: whatever is asked of it is null."""

_WITHOUT_OUTPUT = (StepState.SKIPPED, StepState.FAILED)


class RunScope:
    """The values of one run; the engine writes a step's fields when it has ended, before others read them.

    Attributes:
        outputs: each step's output, by its number.
        states: how each step ended, by its number; None while it has not.
        faults: the failures of steps that went on all the same, by number.
    """

    __slots__ = ("_inputs", "_numbers", "_secrets", "faults", "file", "outputs", "states")

    def __init__(
        self,
        inputs: Mapping[str, object],
        numbers: Mapping[str, int],
        file: str,
        secrets: RunSecrets | None = None,
    ) -> None:
        self._inputs = inputs
        self._secrets = secrets
        self._numbers = numbers
        self.file = file
        self.outputs: list[object] = [None] * len(numbers)
        self.states: list[StepState | None] = [None] * len(numbers)
        self.faults: dict[int, tuple[StepFault, ...]] = {}

    def base(self, path: Path) -> tuple[object, int]:
        """Return the value that a path starts from, and how many of its keys led there.

        Whatever is asked of the output of a step that has none is null, and so is what is asked of the
        error of a step that has not failed.

        Raises:
            LookupFailed: no such input was given.
        """
        name = str(path.keys[0])
        if path.root is Root.INPUTS:
            if name not in self._inputs:
                raise LookupFailed(f"there is no input {name!r}, only {_listed(list(self._inputs))}")
            return self._inputs[name], 1
        if path.root is Root.SECRETS:
            assert self._secrets is not None  # no program is made of a workflow that refers to others
            return self._secrets.values[name], 1
        return self._of_step(self._numbers[name], path)

    def _of_step(self, number: int, path: Path) -> tuple[object, int]:
        field = path.keys[1]
        if field == "output":
            if self.states[number] in _WITHOUT_OUTPUT:
                return None, len(path.keys)
            return self.outputs[number], 2
        if field == "state":
            return self.states[number], 2
        faults = self.faults.get(number, ())
        if field == "errors":
            return [fault_as_value(fault) for fault in faults], 2
        return (fault_as_value(faults[-1]), 2) if faults else (None, len(path.keys))

    def values_for(self, step: str | None) -> StepValues:
        """Return what a step sees, or with None what the workflow's outputs see."""
        return StepValues(self, step, self.file)


class BlockScope(RunScope):
    """The values of steps inside a step: they see each other, and everything that the step sees."""

    __slots__ = ("_outer",)

    def __init__(self, outer: Scope, numbers: Mapping[str, int], file: str) -> None:
        super().__init__({}, numbers, file)
        self._outer = outer

    def base(self, path: Path) -> tuple[object, int]:
        """Return the value that a path starts from, looking here first.

        Raises:
            LookupFailed: no such input was given.
        """
        if path.root is Root.STEPS:
            number = self._numbers.get(str(path.keys[0]))
            if number is not None:
                return self._of_step(number, path)
        return self._outer.base(path)


class _Locals:
    """A scope with a meaning for more words."""

    __slots__ = ("_meanings", "_outer")

    def __init__(self, outer: Scope, meanings: Mapping[Root, object]) -> None:
        self._outer = outer
        self._meanings = meanings

    def base(self, path: Path) -> tuple[object, int]:
        if path.root not in self._meanings:
            return self._outer.base(path)
        meaning = self._meanings[path.root]
        return (None, len(path.keys)) if meaning is NOTHING else (meaning, 0)


class StepValues(NamedTuple):
    """The values of references for one step; it is named when there is none."""

    scope: Scope
    step: str | None
    file: str

    def within(self, step: str, meanings: Mapping[Root, object]) -> StepValues:
        """Return what is seen one level further in, where more words have a meaning."""
        return StepValues(_Locals(self.scope, meanings), step, self.file)

    def value_of(self, reference: Reference) -> object:
        """Evaluate a reference.

        Raises:
            ReferenceValueError: it leads nowhere, or compares what cannot be compared.
        """
        reason = ""
        try:
            return evaluate_expression(reference.node, self.scope)
        except LookupFailed as failure:
            reason = str(failure)
        raise self.failed(reference, reason)

    def text_of(self, reference: Reference) -> str:
        """Evaluate a reference and write its value out.

        Raises:
            ReferenceValueError: it leads nowhere, or to something that JSON cannot express.
        """
        value, reason = self.value_of(reference), ""
        try:
            return to_text(value)
        except (TypeError, ValueError, RecursionError) as error:
            if is_of_the_caller(error):
                raise
            reason = f"its value cannot be written as text: {error}"
        raise self.failed(reference, reason)

    def failed(self, reference: Reference, reason: str) -> ReferenceValueError:
        """Return the error that a reference is of no use here."""
        return ReferenceValueError(
            self.step, reference.text, reason, file=self.file, line=reference.line, column=reference.column
        )


def fault_as_value(fault: StepFault) -> dict[str, object]:
    """Return what references see of a failure."""
    value: dict[str, object] = {"type": fault.error_type, "message": fault.error}
    return value if fault.item is None else {**value, "item": fault.item}


def _listed(names: Sequence[object]) -> str:
    return (
        ", ".join(repr(str(name)[:60]) for name in names[:10]) + (", ..." if len(names) > 10 else "")
        or "none at all"
    )
