"""Do one thing just before the k-th opcode that the bridge's own files execute.

``sys.settrace()`` with ``frame.f_trace_opcodes`` serves all versions of Python. A signal is not handled
inside the trace function: it arrives there, as from the system, tracing ends, and the interpreter runs the
handler at the next moment that it would choose by itself. So what a handler raises comes up only where it
really can.
"""

from __future__ import annotations

import _thread
import functools
import inspect
import operator
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import agent_runtime.bridge
import agent_runtime.outcomes

__all__ = ("Action", "Tripwire", "signal_upon_return")

_WATCHED = (os.path.dirname(agent_runtime.bridge.__file__) + os.sep, agent_runtime.outcomes.__file__)

_FORGETS_MARKS = sys.version_info[:2] == (3, 12)
"""Whether a frame that is marked for opcodes brings the process down once its thread has no trace function
any more: a null pointer in sys_trace_instruction_func of CPython 3.12's legacy_tracing.c."""

_RESUMED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
"""Code whose frames go on later; then nobody would have taken their marks back."""

Action = Callable[[], object]


class Tripwire:
    """Counts the opcodes of one side, and acts once.

    Args:
        at: the number of the opcode before which to act, or None never to act.
        action: what to do; what it returns is kept until the trace function has returned.
        on_place: told before where this is, as "file:line function".
        on_loop_side: count in the threads that the bridge starts, rather than in the calling thread.

    Attributes:
        count: how many opcodes have been executed.
    """

    def __init__(
        self, at: int | None, action: Action, *, on_place: Callable[[str], None], on_loop_side: bool
    ) -> None:
        self.count = 0
        self._at = at
        self._action = action
        self._on_place = on_place
        self._on_loop_side = on_loop_side
        self._armed = False
        # Held while the action is performed: whoever disarms waits for that.
        self._acting = _thread.allocate_lock()
        if on_loop_side:
            threading.settrace(self._enter_frame)

    def arm(self) -> None:
        """Begin to count."""
        self._armed = True
        sys._getframe().f_trace_opcodes = True  # 3.12 looks for this when the next line is executed
        if not self._on_loop_side:
            sys.settrace(self._enter_frame)

    def disarm(self) -> None:
        """Stop counting; wait, ten seconds at most, for an action that another thread performs."""
        sys.settrace(None)
        self._armed = False
        if self._acting.acquire(timeout=10):
            self._acting.release()

    def _enter_frame(self, frame: FrameType, _event: str, _arg: object) -> Any:
        if not frame.f_code.co_filename.startswith(_WATCHED):
            return None
        if _FORGETS_MARKS and frame.f_code.co_flags & _RESUMED:
            return None
        frame.f_trace_lines = False
        frame.f_trace = self._in_frame  # 3.13 wants this set before the next line
        frame.f_trace_opcodes = True
        return self._in_frame

    def _in_frame(self, frame: FrameType, event: str, _arg: object) -> Any:
        if event == "opcode" and self._armed:
            self.count += 1
            if self.count - 1 == self._at:
                with self._acting:
                    self._on_place(_place_of(frame))
                    if _FORGETS_MARKS:
                        _take_marks_back(frame)
                    sys.settrace(None)  # or this function itself would be where the signal is handled next
                    kept = self._action()  # noqa: F841 - freed after the last opcode of this function
        return self._in_frame


def _take_marks_back(innermost: FrameType) -> None:
    """Ask for no more opcodes of a frame and those that it returns to."""
    frame: FrameType | None = innermost
    while frame is not None:
        frame.f_trace_opcodes = False
        frame = frame.f_back


def _place_of(frame: FrameType) -> str:
    code = frame.f_code
    return f"{os.path.basename(code.co_filename)}:{frame.f_lineno} {code.co_qualname}"


class _Fuse:
    """Lives as long as the call of the trace function that has made it."""


class _Trip(weakref.ref[_Fuse]):
    trip: Callable[[], None]


_trips: list[_Trip] = []


def signal_upon_return(signum: signal.Signals) -> object:
    """Return an object upon whose end a signal arrives, without one more opcode being executed.

    All that happens then is written in C: a weak reference's callback calls ``interrupt_main()``,
    which only notes the signal, as the system's own handler does.
    """
    fuse = _Fuse()
    trip = _Trip(fuse, operator.methodcaller("trip"))
    trip.trip = functools.partial(_thread.interrupt_main, signum)
    _trips.append(trip)
    return fuse
