"""No exception of the machinery hangs on what a step raised: its traceback is printed alone."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.model import Probe, Run, Source, expect
from matrix.probes._failing import COLOURS, caught, failing

PROBE = Probe(
    "keeps_the_context_of_a_plain_error",
    claim="a step's exception comes out with no other exception hung on it",
    promise="S2",
)


def check(run: Run) -> None:
    for colour in COLOURS:
        error = ValueError("plain")

        def fail(error: ValueError = error) -> None:
            raise error

        got = caught(run, failing(fail, colour))

        expect(got=got is error, wanted=True, of=f"whether it is the error of the step that is {colour}")
        chain = {"cause": got.__cause__, "context": got.__context__, "notes": getattr(got, "__notes__", [])}
        wanted: dict[str, object] = {"cause": None, "context": None, "notes": []}
        expect(got=chain, wanted=wanted, of=f"what hangs on the error of a step that is {colour}")


def broken(run: Run) -> Run:
    """Call again inside ``except``, as a bridge does that tries the loop first and a thread then."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        try:
            raise RuntimeError("asyncio.run() cannot be called from a running event loop")
        except RuntimeError:
            return _reraised(run, source, inputs)

    return call


def _reraised(run: Run, source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    error: Exception | None = None
    outputs: Mapping[str, object] = {}
    try:
        outputs = run(source, inputs)
    except Exception as failure:  # noqa: BLE001 - raised again below, where Python chains it anew
        error = failure
    if error is not None:
        raise error
    return outputs
