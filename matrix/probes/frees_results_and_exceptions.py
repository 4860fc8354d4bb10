"""A result and a failed step's locals are freed when the caller drops them, without the collector."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sysconfig
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

_SOON = 0.05
"""Seconds after which the loop's thread, where it has to be, is woken; a guess."""

_WAKES = 5


class _Large:
    """Stands for an array, a connection, a file: what must not stay alive unseen."""


def check(run: Run) -> None:
    loop = _loop_to_wake(run)
    for colour in COLOURS:
        for drop in (_result_dropped, _failure_dropped):
            freed = threading.Event()
            with _collector_off():
                drop(run, colour, freed.set)
                if not _is_freed(freed, loop):
                    of = f"{drop.__name__.strip('_').replace('_', ', ')}, step is {colour}"
                    raise Expected(of=of, wanted="freed at once", got="still alive")


def _is_freed(freed: threading.Event, loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether what was dropped is freed without the collector.

    A build without the GIL leaves what one thread drops to the thread that made it. That is the loop's, which
    sleeps, and frees it when it wakes: for the next call at the latest. What it frees may hold what the
    caller's thread has made, and so on.
    """
    if loop is None:
        return freed.wait(_LIMIT)
    for _ in range(_WAKES):
        if freed.wait(_SOON):
            return True
        with contextlib.suppress(RuntimeError):  # closed, and its thread has ended
            loop.call_soon_threadsafe(bool)
    return freed.wait(_LIMIT)


def _loop_to_wake(run: Run) -> asyncio.AbstractEventLoop | None:
    """Return the loop whose thread has to be woken; None where there is a GIL."""
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        return None
    loop = run(failing(asyncio.get_running_loop, "async def"), {})["value"]
    assert isinstance(loop, asyncio.AbstractEventLoop)
    return loop


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
