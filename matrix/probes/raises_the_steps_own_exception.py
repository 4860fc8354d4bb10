"""The exception that a step raised is what comes out: the object itself, with all that hangs on it."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._failing import COLOURS, Colour, caught, failing

PROBE = Probe(
    "raises_the_steps_own_exception",
    claim="the very exception object of the step comes out, with cause, context, notes and group intact",
    promise="S2",
)


class _OddError(Exception):
    """Cannot be made anew from its ``args``, as many an exception in the wild."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


def check(run: Run) -> None:
    for colour in COLOURS:
        for error in _errors():
            _check_one(run, error, colour)
        for error in _errors():
            try:
                raise OSError("of the caller, who is handling it")
            except OSError:
                _check_one(run, error, colour)


def _errors() -> list[Exception]:
    group = ExceptionGroup("several", [ValueError("one"), ExceptionGroup("inner", [KeyError("two")])])
    plain = [ValueError("refused"), TimeoutError("late"), RuntimeError("not the bridge's")]
    return [*plain, _OddError(code=7), group]


def _check_one(run: Run, error: Exception, colour: Colour) -> None:
    cause, handled = KeyError("the cause"), LookupError("being handled in the step")
    error.add_note("a note of the step's")
    parts = error.exceptions if isinstance(error, ExceptionGroup) else ()
    left: list[BaseException | None] = []

    def fail() -> None:
        try:
            try:
                raise handled
            except LookupError:
                raise error from cause
        finally:
            left.append(error.__context__)

    got = caught(run, failing(fail, colour))

    of = f"{error!r} of a step that is {colour}"
    expect(got=len(left), wanted=1, of=f"how often the step ran that raised {of}")
    _expect_same(got, error, of=of)
    _expect_same(got.__cause__, cause, of=f"__cause__ of {of}")
    _expect_same(got.__context__, left[0], of=f"__context__ of {of}")
    expect(got=got.__notes__, wanted=["a note of the step's"], of=f"notes of {of}")
    for part, wanted in zip(getattr(got, "exceptions", ()), parts, strict=True):
        _expect_same(part, wanted, of=f"part of {of}")


def _expect_same(got: object, wanted: object, *, of: str) -> None:
    if got is not wanted:
        raise Expected(of=of, wanted=f"{wanted!r}, the object itself", got=f"{got!r}, another one")


def broken(run: Run) -> Run:
    """Hand over a copy of the exception, as anything that pickles or rebuilds it does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        try:
            return run(source, inputs)
        except (ValueError, TimeoutError, ExceptionGroup) as error:
            raise copy.copy(error).with_traceback(error.__traceback__) from error.__cause__

    return call
