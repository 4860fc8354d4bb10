"""``StopIteration`` of a ``def`` step comes out of the call, although no coroutine can let it through."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.model import Probe, Run, Source, expect
from matrix.probes._failing import caught, failing

PROBE = Probe(
    "raises_stop_iteration",
    claim="StopIteration of a def step comes out, the object itself, as from any function",
    promise="S2",
)


def check(run: Run) -> None:
    error = StopIteration("of a def step")

    def fail() -> None:
        raise error

    got = caught(run, failing(fail, "def"))

    expect(got=got is error, wanted=True, of=f"whether {got!r} is what the step raised")


def broken(run: Run) -> Run:
    """Let it pass through a coroutine, out of which Python raises a ``RuntimeError``."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        try:
            return run(source, inputs)
        except StopIteration as error:
            raise RuntimeError("coroutine raised StopIteration") from error

    return call
