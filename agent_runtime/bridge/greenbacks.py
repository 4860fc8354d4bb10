"""``greenback.await_()`` in a plain function from which the host is hidden: it alone sees the host meanwhile.

greenback asks for the running task, and steps what it awaits right where it is called. So its function has
to see the host, and the function that calls it must not. Python tells when it begins and ends: by
``sys.monitoring`` from 3.12 on, which costs nothing elsewhere; before, by a profile function of the thread.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from agent_runtime.bridge.hiding import come_in_sight, go_out_of_sight

__all__ = ("watch",)


def watch(await_: Callable[..., Any]) -> _Watch | None:
    """Have ``await_`` see the host from now on; return what is to be stopped, or None for nothing."""
    code = getattr(await_, "__code__", None)
    if not isinstance(code, CodeType):
        return None
    if sys.version_info >= (3, 12):
        if code not in _watched:
            _watched.add(code)
            _monitor(code)
        return None
    profile = sys.getprofile()
    if profile is None:
        sys.setprofile(profile := _Profile(code))
    return _Watch(profile) if isinstance(profile, _Profile) else None


class _Profile:
    """A profile function of one thread that looks out for one function."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self.watches: set[_Watch] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Be told that a function begins or ends, however it ends."""
        if frame.f_code is self._code:
            if event == "call":
                come_in_sight(id(frame))
            elif event == "return":
                go_out_of_sight(id(frame))


class _Watch:
    """One of those for whom a profile function looks out: calls overlap where tasks are suspended."""

    def __init__(self, profile: _Profile) -> None:
        self._profile = profile
        profile.watches.add(self)

    def stop(self) -> None:
        """Look out no more; may be repeated."""
        self._profile.watches.discard(self)
        if not self._profile.watches and sys.getprofile() is self._profile:
            sys.setprofile(None)


_watched: set[CodeType] = set()

_FREE_TOOLS = (4, 3)
"""The numbers that ``sys.monitoring`` leaves to nobody in particular."""

if sys.version_info >= (3, 12):

    def _monitor(code: CodeType) -> None:
        """Look out for one function in all threads, for good."""
        monitoring = sys.monitoring
        tool = next((tool for tool in _FREE_TOOLS if monitoring.get_tool(tool) is None), None)
        if tool is None:
            return
        # An exception that leaves a function is told of for all functions or for none. This one is left by
        # the lines with ``raise``, and by greenlets that are thrown away.
        raising = {
            instruction.positions.lineno
            for instruction in dis.get_instructions(code)
            if instruction.opname == "RAISE_VARARGS" and instruction.positions is not None
        }

        def on_start(_code: CodeType, _offset: int) -> None:
            come_in_sight(id(sys._getframe(1)))  # noqa: SLF001 - the documented way to one's own stack

        def on_return(_code: CodeType, _offset: int, _value: object) -> None:
            go_out_of_sight(id(sys._getframe(1)))  # noqa: SLF001

        def on_line(_code: CodeType, line: int) -> object:
            if line not in raising:
                return monitoring.DISABLE
            go_out_of_sight(id(sys._getframe(1)))  # noqa: SLF001
            return None

        events = monitoring.events
        monitoring.use_tool_id(tool, "agent_runtime")
        monitoring.register_callback(tool, events.PY_START, on_start)
        monitoring.register_callback(tool, events.PY_RETURN, on_return)
        monitoring.register_callback(tool, events.LINE, on_line)
        monitoring.set_local_events(tool, code, events.PY_START | events.PY_RETURN | events.LINE)
