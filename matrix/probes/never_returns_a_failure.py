"""A failed step fails the call: its error is never handed over as if it were a result."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from matrix.model import AnyFunction, Probe, Run, Source, expect
from matrix.probes._failing import COLOURS, caught

PROBE = Probe(
    "never_returns_a_failure",
    claim="a call with a failed step raises, and no step that needs its output runs",
    promise="S2",
)

_TEXT = """
name: failing
steps:
  - id: fail
    {kind}: fail
  - id: report
    function: report
    with: {{text: "${{steps.fail.output}}"}}
outputs:
  report: "${{steps.report.output}}"
"""


class _RefusedError(Exception):
    pass


def _fail() -> object:
    raise _RefusedError("the service said no")


async def _fail_async() -> object:
    return _fail()


def _report(reported: list[object], text: object) -> None:
    reported.append(text)


def check(run: Run) -> None:
    for colour in COLOURS:
        reported: list[object] = []
        functions: dict[str, AnyFunction] = {"fail": _fail, "report": functools.partial(_report, reported)}
        kind = "function" if colour == "def" else "tool"
        source = Source(_TEXT.format(kind=kind), functions=functions, tools={"fail": _fail_async})

        error = caught(run, source)

        expect(got=type(error), wanted=_RefusedError, of=f"exception of a step that is {colour}")
        expect(got=reported, wanted=[], of="what the next step was given")


def broken(run: Run) -> Run:
    """Make the error's text the result, as a tool wrapper with a broad ``except`` does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        try:
            return run(source, inputs)
        except Exception as error:  # noqa: BLE001 - the mistake that is shown here
            return {"report": f"Error: {error}"}

    return call
