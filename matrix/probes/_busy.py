"""The mistake of one call at a time, for probes of calls made inside calls."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.model import Expected, Run, Source

__all__ = ("nested", "one_call_at_a_time")


def nested(run: Run, source: Source, inputs: Mapping[str, object], *, of: str) -> Mapping[str, object]:
    """Call, and say what was called if it fails.

    Raises:
        Expected: the call raised.
    """
    try:
        return run(source, inputs)
    except Exception as error:
        if isinstance(error, Expected):
            raise
        raise Expected(of=of, wanted="a result", got=repr(error)) from error


def one_call_at_a_time(run: Run) -> Run:
    """Return ``run``, but refusing a call while another is in progress, as ``run_until_complete`` does."""
    in_progress: list[Source] = []

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        if in_progress:
            raise RuntimeError("This event loop is already running")
        in_progress.append(source)
        try:
            return run(source, inputs)
        finally:
            in_progress.clear()

    return call
