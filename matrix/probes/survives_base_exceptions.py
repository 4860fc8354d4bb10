"""What is no ``Exception`` comes out of a step like any other, and the next call works."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._failing import COLOURS, Colour, caught, failing

PROBE = Probe(
    "survives_base_exceptions",
    claim="SystemExit, KeyboardInterrupt and CancelledError of a step come out, and the next call works",
    promise="S2",
)


class _OwnBaseError(BaseException):
    pass


def check(run: Run) -> None:
    for colour in COLOURS:
        for error in (
            SystemExit(3),
            KeyboardInterrupt("of the step"),
            asyncio.CancelledError("of the step"),
            GeneratorExit("of the step"),
            _OwnBaseError("of the step"),
        ):
            _check_one(run, error, colour)


def _check_one(run: Run, error: BaseException, colour: Colour) -> None:
    def fail() -> None:
        raise error

    got = caught(run, failing(fail, colour))

    if got is not error:
        of = f"{error!r} of a step that is {colour}"
        raise Expected(of=of, wanted="the object itself", got=f"{got!r}, another one")
    try:
        outputs = run(failing(lambda: "well", colour), {})
    except Exception as next_error:
        of = f"the call after {error!r}"
        raise Expected(of=of, wanted="a result", got=repr(next_error)) from next_error
    expect(got=outputs["value"], wanted="well", of=f"the call after {error!r}")


def broken(run: Run) -> Run:
    """Let such an exception end the loop thread, so that every later call finds it dead."""
    dead: list[BaseException] = []

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        if dead:
            raise RuntimeError("Event loop is closed")
        try:
            return run(source, inputs)
        except Exception:
            raise
        except BaseException as error:
            dead.append(error)
            raise

    return call
