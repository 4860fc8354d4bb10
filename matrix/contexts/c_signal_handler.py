"""A program whose SIGINT belongs to code in C: Python's table goes on to name Python's handler."""

from __future__ import annotations

import ctypes
import signal

from matrix.contexts._observe import ALL_FACTS, POSIX
from matrix.model import Context, Facts, Inside, Job

_REASON = "a handler in C takes SIGINT here: Ctrl-C does not mean an interrupt"

CONTEXT = Context(
    "c_signal_handler",
    summary="in a script whose SIGINT is handled by code in C",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"python says": "default_int_handler", "the system says": "abs"},
    ),
    platforms=POSIX,
    inside=Inside(keeps=ALL_FACTS, main_thread=True),
    without={"*ctrl_c": _REASON},
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "allows_reentry",
        "leaves_c_signal_handlers",
        "leaves_no_footprint",
        "raises_the_steps_own_exception",
        "returns_the_async_value",
        "times_out",
        "works_at_the_end_of_the_process",
        "works_in_a_forked_child",
    ),
)

_SIZE = 256
"""Bytes; the largest struct sigaction has 152."""


def host(job: Job) -> None:
    before = _look()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    handler = _address_of_abs()
    try:
        for cell in job.cells:
            ctypes.CDLL(None).sigaction(int(signal.SIGINT), _raw(handler), None)
            found = int.from_bytes(_look()[: ctypes.sizeof(ctypes.c_void_p)], "little")
            evidence = {
                "python says": getattr(signal.getsignal(signal.SIGINT), "__name__", "something else"),
                "the system says": "abs" if found == handler else hex(found),
            }
            job.perform(cell, evidence=evidence)
    finally:
        ctypes.CDLL(None).sigaction(int(signal.SIGINT), before, None)


def _address_of_abs() -> int:
    """Return where a function of the system's is that takes a number, and does nothing with it."""
    return ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p).value or 0


def _raw(handler: int) -> bytes:
    return handler.to_bytes(ctypes.sizeof(ctypes.c_void_p), "little").ljust(_SIZE, b"\0")


def _look() -> bytes:
    buffer = ctypes.create_string_buffer(_SIZE)
    ctypes.CDLL(None).sigaction(int(signal.SIGINT), None, buffer)
    return buffer.raw
