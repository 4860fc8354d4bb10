"""After a call the thread and the process are as before: loops, policy, signals, hooks, filters."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
import threading
import warnings
from collections.abc import Coroutine, Mapping
from types import ModuleType
from typing import Any

from matrix.model import Probe, Run, Source, expect
from matrix.probes._failing import caught, failing

PROBE = Probe(
    "leaves_no_footprint",
    claim="a call leaves loops, policy, signal state, hooks and warning filters as they were",
    promise="S8",
)

_ATTRIBUTES: tuple[tuple[ModuleType | type, str], ...] = (
    (asyncio, "run"),
    (asyncio, "get_event_loop"),
    (asyncio, "get_running_loop"),
    (asyncio, "new_event_loop"),
    (asyncio, "Task"),
    (asyncio, "Future"),
    (asyncio.events, "_event_loop_policy"),
    (asyncio.events, "get_running_loop"),
    (asyncio.tasks, "Task"),
    (asyncio.futures, "Future"),
    (sys, "excepthook"),
    (sys, "unraisablehook"),
    (sys, "displayhook"),
    (sys, "stdout"),
    (sys, "stderr"),
    (threading, "excepthook"),
    (threading.Thread, "start"),
    (warnings, "showwarning"),
)
"""What libraries are known to replace, seen without calling anything that would make a loop."""


async def _well() -> str:
    await asyncio.sleep(0)
    return "well"


def check(run: Run) -> None:
    succeeding = Source(failing(_nothing, "async def").text, tools={"fail": _well})
    _have_a_policy()
    before = _look()
    try:
        run(succeeding, {})
        changed = _changes(before, _look())
        caught(run, failing(_fail, "def"))
        changed_by_failure = _changes(before, _look())
    finally:
        _put_back(before)

    expect(got=changed, wanted={}, of="changes by a call")
    expect(got=changed_by_failure, wanted={}, of="changes by a failing call")


def _nothing() -> None:
    """Be a step that does nothing."""


def _fail() -> None:
    raise ValueError("a failing step")


def _have_a_policy() -> None:
    """Have asyncio make its own policy, if none is set: whoever asks first would seem to have changed it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.14 deprecates policies
        asyncio.get_event_loop_policy()


def _look() -> dict[str, object]:
    seen = {f"{owner.__name__}.{name}": getattr(owner, name, None) for owner, name in _ATTRIBUTES}
    return seen | {
        "running loop": asyncio._get_running_loop(),  # noqa: SLF001 - documented; tells without raising
        "current loop": _current_loop(),
        "current task": _current_task(),
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "signal mask": _signal_mask(),
        "wakeup descriptor": _wakeup_descriptor(),
        "async generator hooks": sys.get_asyncgen_hooks(),
        "coroutine origin tracking": sys.get_coroutine_origin_tracking_depth(),
        "trace functions": (sys.gettrace(), threading.gettrace()),
        "profile functions": (sys.getprofile(), threading.getprofile()),
        "switch interval": sys.getswitchinterval(),
        "recursion limit": sys.getrecursionlimit(),
        "collector": gc.isenabled(),
        "thread stack size": threading.stack_size(),
        "warning filters": list(warnings.filters),
    }


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    return {name: (was, after[name]) for name, was in before.items() if was != after[name]}


def _put_back(before: Mapping[str, object]) -> None:
    """Undo replacements, for the sake of the probes that share this process."""
    for owner, name in _ATTRIBUTES:
        if getattr(owner, name, None) is not before[f"{owner.__name__}.{name}"]:
            setattr(owner, name, before[f"{owner.__name__}.{name}"])


def _current_loop() -> object:
    """Return what set_event_loop() was last given in this thread; asking openly may make a loop."""
    policy = getattr(asyncio.events, "_event_loop_policy", None)
    return getattr(getattr(policy, "_local", None), "_loop", None)


def _current_task() -> object:
    with contextlib.suppress(RuntimeError):
        return asyncio.current_task()
    return None


def _signal_mask() -> object:
    return signal.pthread_sigmask(signal.SIG_BLOCK, ()) if sys.platform != "win32" else None


def _wakeup_descriptor() -> int | None:
    """Return it by taking it away for a moment: there is no other way."""
    if threading.current_thread() is not threading.main_thread():
        return None
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
    return descriptor


def broken(run: Run) -> Run:
    """Replace ``asyncio.run`` for the whole process, as the patchers of loops do."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        original = asyncio.run

        def patched(main: Coroutine[Any, Any, object], *, debug: bool = False) -> object:
            return original(main, debug=debug)

        asyncio.run = patched  # type: ignore[assignment]  # the mistake that is shown here
        return run(source, inputs)

    return call
