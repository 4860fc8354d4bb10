"""A traceback leads from the caller to the step's own line, and that line is the last of it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

from matrix.model import Probe, Run, Source, expect
from matrix.probes._failing import COLOURS, caught, failing

PROBE = Probe(
    "ends_traceback_in_user_code",
    claim="the last frame of a step's traceback is the step's own code",
    promise="S2",
)


def _innermost() -> None:
    raise ValueError("of the innermost function")


def _fail() -> None:
    _innermost()


def check(run: Run) -> None:
    for colour in COLOURS:
        error = caught(run, failing(_fail, colour))

        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        expect(got=frames[-2:], wanted=["_fail", "_innermost"], of=f"last frames, step is {colour}")
        expect(got=frames[:1], wanted=["caught"], of=f"first frame, step is {colour}")


def broken(run: Run) -> Run:
    """Raise the exception without where it came from."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        try:
            return run(source, inputs)
        except ValueError as error:
            raise error.with_traceback(None) from None

    return call
