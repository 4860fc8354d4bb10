"""A result and a failed step's locals are freed when the caller drops them, without the collector."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from matrix.model import Expected, Probe, Run, Source
from matrix.probes._failing import COLOURS, Colour, caught, failing

PROBE = Probe(
    "frees_results_and_exceptions",
    claim="results, and the locals of failed steps, are freed as soon as the caller drops them",
    promise="S7",
)

_LIMIT = 3.0
"""Seconds that the loop's thread gets to drop what it held last; microseconds, if not much else runs."""


class _Large:
    """Stands for an array, a connection, a file: what must not stay alive unseen."""


def check(run: Run) -> None:
    for colour in COLOURS:
        for drop in (_result_dropped, _failure_dropped):
            freed = threading.Event()
            with _collector_off():
                drop(run, colour, freed.set)
                if not freed.wait(_LIMIT):
                    of = f"{drop.__name__.strip('_').replace('_', ', ')}, step is {colour}"
                    raise Expected(of=of, wanted="freed at once", got="still alive")


def _result_dropped(run: Run, colour: Colour, on_freed: Callable[[], None]) -> None:
    outputs = run(failing(_Large, colour), {})
    weakref.finalize(outputs["value"], on_freed)


def _failure_dropped(run: Run, colour: Colour, on_freed: Callable[[], None]) -> None:
    def fail() -> None:
        large = _Large()
        weakref.finalize(large, on_freed)
        raise ValueError("large is a local of this frame, and the traceback holds the frame")

    caught(run, failing(fail, colour))


@contextmanager
def _collector_off() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def broken(run: Run) -> Run:
    """Keep the exception in a local while raising it: traceback, frame and exception hold each other."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        errors: list[Exception] = []
        try:
            return run(source, inputs)
        except Exception as error:  # noqa: BLE001 - raised again below, which is the mistake
            errors.append(error)
        raise errors[0]

    return call
