"""What can come between two opcodes, one function each.

Each prepares itself in the main thread and returns what is to be done at the chosen point, on the thread
that is stopped there.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from tests.helpers.exploration.scene import Injected, Scene, elsewhere
from tests.helpers.exploration.tripwire import Action, signal_upon_return

__all__ = ("DISTURBANCES", "EXCUSED", "RAISES", "Disturbance")

Disturbance = Callable[[Scene, bool], Action]
"""Takes the scene, and whether the point is on the side of the loop threads."""

_MOMENT = 0.02
"""Seconds that other threads get while one is stopped. Not an event: they may have to wait for that one."""


def _signal(signum: signal.Signals, on_loop_side: bool) -> Action:
    """Return an action that lets a signal arrive, in the main thread."""

    def press() -> None:
        os.kill(os.getpid(), signum)
        time.sleep(_MOMENT)

    return press if on_loop_side else lambda: signal_upon_return(signum)


def sigint(scene: Scene, on_loop_side: bool) -> Action:
    """Ctrl-C is pressed."""
    return _signal(signal.SIGINT, on_loop_side)


def handler_raises(scene: Scene, on_loop_side: bool) -> Action:
    """A signal handler of the application raises."""

    def handler(signum: int, frame: FrameType | None) -> None:
        raise Injected

    signal.signal(signal.SIGALRM, handler)
    return _signal(signal.SIGALRM, on_loop_side)


def handler_calls_in(scene: Scene, on_loop_side: bool) -> Action:
    """A signal handler makes the same kinds of calls."""

    def handler(signum: int, frame: FrameType | None) -> None:
        scene.note(lambda: scene.call(7), 7)
        scene.note(lambda: scene.bridge.run_sync(scene.nested, 7), 7)

    signal.signal(signal.SIGALRM, handler)
    return _signal(signal.SIGALRM, on_loop_side)


def handler_forks(scene: Scene, on_loop_side: bool) -> Action:
    """A signal handler forks, and the child calls in."""

    def handler(signum: int, frame: FrameType | None) -> None:
        scene.note(scene.forked, 0)

    signal.signal(signal.SIGALRM, handler)
    return _signal(signal.SIGALRM, on_loop_side)


def finaliser_calls_in(scene: Scene, on_loop_side: bool) -> Action:
    """The garbage collector runs a finaliser that makes a call."""

    class Garbage:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            scene.note(lambda: scene.call(7), 7)

    def collect() -> None:
        Garbage()
        gc.collect()

    return collect


def _in_another_thread(scene: Scene, visit: Callable[[], object]) -> Action:
    def act() -> None:
        scene.pending.append(elsewhere(visit, limit=_MOMENT))

    return act


def thread_calls_in(scene: Scene, on_loop_side: bool) -> Action:
    """Another thread makes calls."""
    return _in_another_thread(
        scene, lambda: scene.note(lambda: (scene.call(7), scene.bridge.run_sync(scene.nested, 7)), (7, 7))
    )


def thread_forks(scene: Scene, on_loop_side: bool) -> Action:
    """Another thread forks, and the child calls in."""
    return _in_another_thread(scene, lambda: scene.note(scene.forked, 0))


def thread_closes(scene: Scene, on_loop_side: bool) -> Action:
    """Another thread closes the bridge."""

    def close() -> None:
        scene.closes = True
        scene.note(scene.bridge.close, None)

    return _in_another_thread(scene, close)


DISTURBANCES: dict[str, Disturbance] = {
    disturbance.__name__: disturbance
    for disturbance in (
        sigint,
        handler_raises,
        handler_calls_in,
        handler_forks,
        finaliser_calls_in,
        thread_calls_in,
        thread_forks,
        thread_closes,
    )
}

EXCUSED = {("direct_call", "handler_raises")}
"""Where nothing is promised: on a thread that drives a loop itself, what a signal handler raises comes up
between asyncio's own instructions, and asyncio.run() does not survive that either."""

if sys.version_info[:2] == (3, 12):
    # By the time of the exit hooks this version starts no thread any more and does not fork; 3.13 does again.
    EXCUSED |= {
        ("exit", name) for name in DISTURBANCES if name.startswith("thread") or name.endswith("forks")
    }

RAISES: dict[str, str] = {"sigint": "KeyboardInterrupt", "handler_raises": "Injected"}
"""Which disturbances end the section with an exception, and its type."""
