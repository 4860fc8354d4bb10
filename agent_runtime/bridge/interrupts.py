"""Ctrl-C while the main thread waits in a sync call: seen at once, acted on in one place."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import sys
from _signal import SIGINT, default_int_handler, getsignal
from _signal import signal as set_handler
from collections.abc import Callable
from types import FrameType, MethodType
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

__all__ = (
    "NO_GUARD",
    "InterruptGuard",
    "Interruption",
    "Listener",
    "is_raised_at_once",
    "observed",
    "run_pending_handlers",
)

# signal.getsignal() and signal.signal() turn every handler into an enum or fail to: 5 µs each, four
# times a call. The C functions below them cost 0.1 and 0.3 µs.
T = TypeVar("T")
Handler = Callable[[int, FrameType | None], object]


class Interruption(NamedTuple):
    """Told to the caller: a signal handler would raise this now."""

    exception: BaseException


@runtime_checkable
class Listener(Protocol):
    """Whoever waits in a call and is to be told of an interruption."""

    @property
    def inbox(self) -> PutOnly:
        """Where to put it."""

    @property
    def abandoned(self) -> bool:
        """Whether nobody will look there any more."""


@runtime_checkable
class PutOnly(Protocol):
    """The writing end of an inbox."""

    def put(self, item: object, /) -> None:
        """Add ``item``; may interrupt anything."""


_POSTPONING_HANDLERS = frozenset({("asyncio.runners", "_on_sigint"), ("ipykernel.ipkernel", "handle_sigint")})
"""Handlers that stand for KeyboardInterrupt but deliver it through the loop that our caller blocks.

By module and function name: asyncio.Runner's (3.11 and later), which cancels the main task, and the
one ipykernel installs for cells with a top-level await, which cancels the cell's task.
"""


_change_mask = getattr(_signal, "pthread_sigmask", None)


def run_pending_handlers() -> None:
    """Run the handlers of signals that have come; in the main thread only.

    Python does so by itself between two instructions, except, from CPython 3.13 on, in a child that was
    forked on another thread than the main one: there the mark that signals set is on the thread that did
    not come along.
    """
    if _change_mask is not None:
        _change_mask(_signal.SIG_BLOCK, ())  # changes nothing, and looks for signals as it returns


class _System:
    """What the system holds for SIGINT, which Python cannot tell: code in C may have set its own handler.

    Python's table goes on to name the handler that was there before, and setting and restoring that
    would replace the one in C for good. Asked by ctypes, and only if somebody has imported it: that takes
    ten milliseconds, which is more than all else in a first call.
    """

    def __init__(self) -> None:
        self._sigaction: Any = None
        self._buffer: Any = None
        self._pythons = b""

    def look(self) -> bytes:
        """Return the raw sigaction of SIGINT; nothing where it cannot be read."""
        ctypes = sys.modules.get("ctypes")
        if ctypes is None or (self._sigaction is None and not self._prepare(ctypes)):
            return b""
        buffer = self._buffer()
        return b"" if self._sigaction(int(SIGINT), None, buffer) else bytes(buffer)

    def put_back(self, raw: bytes) -> None:
        """Have the system hold again what :meth:`look` has returned."""
        self._sigaction(int(SIGINT), raw, None)

    def learn(self) -> None:
        """Take note of what a handler set by Python looks like; one is set now."""
        self._pythons = self.look()

    @property
    def knows_pythons(self) -> bool:
        """Whether :meth:`learn` has been called, and could."""
        return bool(self._pythons)

    def is_foreign(self, raw: bytes) -> bool:
        """Whether somebody else than Python has set a handler."""
        return raw[:_POINTER] != self._pythons[:_POINTER]

    def is_usual(self, raw: bytes) -> bool:
        """Whether nothing differs from how Python sets handlers, the flags of ``siginterrupt()`` included."""
        return _telling(raw) == _telling(self._pythons)

    def _prepare(self, ctypes: Any) -> bool:
        try:
            sigaction = ctypes.PyDLL(None).sigaction
            sigaction.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
            self._buffer = ctypes.c_char * 256  # the largest struct sigaction has 152
            self._sigaction = sigaction
        except Exception:  # noqa: BLE001 - half imported, or without such a function: Python's word counts
            return False
        return True


_POINTER = 8 if sys.maxsize > 2**32 else 4
"""Bytes of the handler's address, the first field of a sigaction."""


def _telling(raw: bytes) -> bytes:
    """Return the address, the mask and the flags; glibc leaves whatever it was in the rest of the mask."""
    flags = raw[_POINTER + 128 : _POINTER + 132] if sys.platform == "linux" else b""
    return raw[: _POINTER + 8] + flags


_system = _System()


def observed(look: Callable[..., T], *args: object, otherwise: T) -> T:
    """Return ``look(*args)``, or ``otherwise`` where that fails: what only observes changes no outcome.

    Raises:
        BaseException: what a signal handler raises meanwhile, and what is no ``Exception``.
    """
    try:
        return look(*args)
    except Exception as error:
        if _is_of_a_signal_handler(error):
            raise
        return otherwise


def _is_of_a_signal_handler(error: Exception) -> bool:
    """Whether the traceback leads through a handler: through its code, or through what was given one."""
    handlers = (getsignal(signum) for signum in _signal.valid_signals())
    codes = {getattr(getattr(handler, "func", handler), "__code__", None) for handler in handlers} - {None}
    interrupted, link = None, error.__traceback__
    while link is not None:
        frame = link.tb_frame
        given = any(value is interrupted for value in frame.f_locals.values())
        if frame.f_code in codes or (interrupted is not None and given):
            return True
        interrupted, link = frame, link.tb_next
    return False


class InterruptGuard:
    """Own SIGINT for the time that the main thread waits in one call.

    Without it KeyboardInterrupt could come up between any two instructions of the bridge; or,
    under ``asyncio.run``, not before the call has ended, because the handler installed there waits
    for a loop that stands still. What the previous handler would do decides: if it raises (or
    stands for raising later), that exception ends the wait; if it returns, the signal is dealt with.

    A signal that code in C handles is left alone, as far as that can be seen: what the press means is not
    Python's to decide there.

    For the main thread only: ``try: guard.take_over() ... finally: guard.give_back()``.
    """

    _serving = False
    _served = False
    _is_aside = False
    _raw = b""
    _installed: Handler | None = None
    _replaced: Handler | None = None
    _previous: Handler | None = None

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def take_over(self) -> None:
        """Take SIGINT over, if Python code handles it at all."""
        replaced = getsignal(SIGINT)
        if callable(replaced) and "uwsgi" not in sys.modules:  # that server sets its own behind Python's back
            # A call made in a signal handler interrupts another call, whose guard would only take
            # note: what stands behind that guard decides, and for the innermost call.
            outer = replaced.__self__ if type(replaced) is MethodType else None
            self._previous = outer._previous if type(outer) is InterruptGuard else replaced  # noqa: SLF001
            self._replaced = replaced
            if "ctypes" in sys.modules and not self._may_take():
                return
            self._installed = installed = self._on_signal
            try:  # noqa: SIM105 - suppress() costs a microsecond a call
                set_handler(SIGINT, installed)
            except ValueError:
                pass  # the main thread of a sub-interpreter may not

    def _may_take(self) -> bool:
        """Return whether the system's handler is Python's; keep what has to be put back besides."""
        raw = _system.look()
        if raw and not _system.knows_pythons:
            try:
                set_handler(SIGINT, self._replaced)
            except ValueError:
                return True
            _system.learn()
            if not _system.is_usual(raw):
                _system.put_back(raw)
        if raw and _system.is_foreign(raw):
            return False
        self._raw = b"" if _system.is_usual(raw) else raw
        return True

    def give_back(self) -> None:
        """Give SIGINT back, unless somebody else has taken it meanwhile; a second time does nothing.

        Called twice, because the handler of another signal may raise at any instruction of the first.
        """
        installed = self._installed
        if installed is not None:
            if getsignal(SIGINT) is installed:
                raw = _system.look() if self._served and "ctypes" in sys.modules else b""
                set_handler(SIGINT, self._replaced)
                if raw and _system.knows_pythons and _system.is_foreign(raw):
                    _system.put_back(raw)  # set by C in one of the steps
                elif self._raw:
                    _system.put_back(self._raw)
            self._installed = None  # it leads back here: a cycle

    def step_aside(self) -> None:
        """Give SIGINT back while other greenlets have the thread, until :meth:`step_in`."""
        if self._installed is not None and getsignal(SIGINT) is self._installed:
            self._is_aside = True
            self.give_back()

    def step_in(self) -> None:
        """Take SIGINT over again, from whoever has it now."""
        if self._is_aside:
            self.take_over()
            self._is_aside = False

    def perform(self, fn: Callable[..., T], *args: object) -> T:
        """Call somebody's function on this thread; Ctrl-C now belongs to it, as in a plain script.

        The innermost of our frames around it, so that nothing is raised between our own instructions.
        """
        __tracebackhide__ = True
        self._serving = self._served = True
        try:
            return fn(*args)
        finally:
            self._serving = False

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._listener.abandoned:
            self.give_back()
        if self._serving or self._listener.abandoned:
            self._ask_previous(signum, frame)
            return
        try:
            self._ask_previous(signum, frame)
        except BaseException as exception:  # noqa: BLE001 - kept, and raised by the waiting call
            self._listener.inbox.put(Interruption(exception.with_traceback(None)))

    def _ask_previous(self, signum: int, frame: FrameType | None) -> None:
        """Do what the handler before ours stands for: raise, or return."""
        previous = self._previous
        if previous is None:
            return
        if _name_of(previous) in _POSTPONING_HANDLERS:
            raise KeyboardInterrupt
        previous(signum, frame)


class _NoGuard(InterruptGuard):
    """Stands where Python's own handler is in force: that raises, which is what a guard would find out."""

    def perform(self, fn: Callable[..., T], *args: object) -> T:
        """Call somebody's function on this thread."""
        __tracebackhide__ = True
        return fn(*args)


class _Nobody:
    inbox: PutOnly
    abandoned = True


NO_GUARD = _NoGuard(_Nobody())
"""For a wait of the main thread that leaves SIGINT alone."""


def is_raised_at_once() -> bool:
    """Whether Python's own handler is in force for SIGINT; a wait for a portal leaves it where it is.

    It raises KeyboardInterrupt at once, and such a wait has to deal anyway with what the handlers of other
    signals raise at any of its instructions. So nothing is to be put back in the end: neither what Python
    knows nor what C code has put behind it.
    """
    return getsignal(SIGINT) is default_int_handler


def _name_of(handler: Handler) -> tuple[str, str]:
    function = getattr(handler, "func", handler)  # asyncio.Runner installs a functools.partial
    return getattr(function, "__module__", ""), getattr(function, "__name__", "")
