"""Real threads for the bridge, and what they are made of: also where gevent or eventlet has replaced it.

``threading.Thread.start()`` and the first ``threading.current_thread()`` of a foreign thread both
take ``threading``'s registry lock. A signal handler may interrupt a thread that holds it and then
make a sync call; a bridge whose threads needed that lock would wait for its own caller. So threads
start through ``_thread``, and get their name only if the lock is free at that moment.

Nor do they take signals of the program while they wait. A program that blocks a signal in its main
thread, for the length of something that must not be cut short, reckons with no other thread; one that
is open to the signal would take it, and the program would die or run its handler just there. While
somebody's code runs on such a thread, the mask is the program's: whatever is started there inherits it.

gevent and eventlet put greenlets in the place of threads: all of one thread, which stands still while
one of them waits in a call. What the bridge starts and waits for must be real there, whether it was
imported before the patches or after.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import _thread
import builtins
import contextlib
import contextvars
import functools
import logging
import os
import sys
import threading
import time
from asyncio import _get_running_loop
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from agent_runtime.outcomes import Outcome

__all__ = (
    "CannotStartThreadError",
    "allocate_lock",
    "block_signals",
    "copy_of",
    "disown_thread",
    "get_ident",
    "is_free_to_log",
    "leave_child",
    "main_of_this_thread",
    "main_thread_ident",
    "make_rlock",
    "original",
    "patcher",
    "restore_signals",
    "start_thread",
    "wait_for_threads_of_sub_interpreter",
)


_set_mask: Callable[..., set[int]] = getattr(_signal, "pthread_sigmask", lambda *_: set())  # not on Windows

_BLOCK, _SET = getattr(_signal, "SIG_BLOCK", 0), getattr(_signal, "SIG_SETMASK", 0)

_OF_THE_THREAD = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP")
"""What a thread's own mistakes raise: to block these would hide them from faulthandler and the system."""

_OF_THE_PROGRAM: tuple[int, ...] = (
    tuple(set(_signal.valid_signals()) - {getattr(_signal, name, 0) for name in _OF_THE_THREAD})
    if hasattr(_signal, "pthread_sigmask")
    else ()
)


_LOOK = 0.0005
"""Seconds between looks at how many threads are left; usually they go within one."""


class CannotStartThreadError(RuntimeError):
    """The system, the interpreter or its shutdown does not let a thread start."""

    def __str__(self) -> str:
        return f"no thread can be started here: {self.__cause__ or 'the process is ending'}"


def patcher() -> ModuleType | None:
    """Return the module of gevent's or eventlet's that has replaced threads or sockets here, or None."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and any(map(gevent.is_module_patched, ("_thread", "socket", "select"))):
        return gevent
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and any(map(eventlet.is_monkey_patched, ("thread", "socket", "select"))):
        return eventlet
    return None


def original(module: str, name: str) -> Any:
    """Return what is called ``name`` in a module of the standard library, as Python made it.

    Raises:
        AttributeError: there is nothing of that name.
        ImportError: there is no such module.
    """
    patches = patcher()
    if patches is None:
        __import__(module)
        return getattr(sys.modules[module], name)
    if patches.__name__ == "gevent.monkey":
        return patches.get_original(module, name)
    return getattr(patches.original(module), name)


def copy_of(module: str, **instead: ModuleType) -> ModuleType:
    """Return a new copy of a module that is written in Python: with nothing in it that others have replaced.

    Args:
        module: its name.
        **instead: what its import statements are given in the place of modules of these names.
    """
    from importlib.util import find_spec, module_from_spec  # 1 ms, and seldom needed

    def import_(name: str, *args: Any) -> ModuleType:
        return instead[name] if name in instead else __import__(name, *args)

    spec = find_spec(module)
    assert spec is not None
    copy = module_from_spec(spec)
    vars(copy)["__builtins__"] = vars(builtins) | {"__import__": import_}
    exec(spec.loader.get_code(module), vars(copy))  # type: ignore[union-attr]  # noqa: S102
    return copy


# Bound once: both libraries replace what is in modules, not what others have taken from there before.
get_ident: Callable[[], int] = original("_thread", "get_ident")
"""Return what tells this thread from all others: of the thread, not of the greenlet."""

allocate_lock: Callable[[], _thread.LockType] = original("_thread", "allocate_lock")
"""Make a lock that blocks the thread."""

make_rlock: Callable[[], Any] = original("_thread", "RLock")
"""Make a reentrant lock that blocks the thread."""


def main_thread_ident() -> int | None:
    """Return the ident of the thread that Python runs signal handlers on."""
    if patcher() is None:
        return threading.main_thread().ident
    with contextlib.suppress(AttributeError):  # CPython 3.13
        ident: int = original("_thread", "_get_main_thread_ident")()
        return ident
    # threading calls the main thread by its greenlet there. The interpreter lists its oldest thread last.
    return [*sys._current_frames()][-1]  # noqa: SLF001 - documented, for debuggers


def start_thread(main: Callable[[], object], *, name: str) -> None:
    """Start a daemon thread that runs ``main()``; return as soon as the system has made it.

    Signal-safe and reentrant: takes no lock. ``main`` must not raise.

    Raises:
        CannotStartThreadError: no thread can be started here.
    """
    start: Callable[..., int] = (
        _thread.start_new_thread if patcher() is None else original("_thread", "start_new_thread")
    )
    try:
        start(_bootstrap, (main, name))
    except RuntimeError as error:
        raise CannotStartThreadError from error


def _bootstrap(main: Callable[[], object], name: str) -> None:
    # Somebody waits for what main() tells. A trace function that raises must not keep it from beginning.
    with contextlib.suppress(BaseException):
        _install_debug_hooks()
        _adopt(name)
    try:
        main()
    finally:
        disown_thread()
        _end_dummy()


def main_of_this_thread() -> Callable[[], object] | None:
    """Return the ``main`` that this thread was started with here, or None; walks the whole stack.

    Good from the thread's very first instruction on, before any of its own code has run: a finaliser
    can come that early.
    """
    frame = sys._getframe()  # noqa: SLF001 - the documented way to one's own stack
    while frame.f_back is not None:
        frame = frame.f_back
    return frame.f_locals["main"] if frame.f_code is _bootstrap.__code__ else None


def block_signals() -> set[int]:
    """Leave the program's signals to other threads; return the mask of before, for :func:`restore_signals`.

    Only for a wait on a thread that was started here: the main thread has to hear of signals.
    """
    return _set_mask(_BLOCK, _OF_THE_PROGRAM)


def restore_signals(mask: set[int]) -> None:
    """Have the mask again that :func:`block_signals` has returned."""
    _set_mask(_SET, mask)


def _install_debug_hooks() -> None:
    """Do what ``threading.Thread`` does for coverage tools and debuggers, unless they have done it."""
    trace, profile = threading.gettrace(), threading.getprofile()
    if trace is not None and sys.gettrace() is None:  # debugpy wraps the starts of threads, and warns of this
        sys.settrace(trace)
    if profile is not None:
        sys.setprofile(profile)


def _adopt(name: str) -> None:
    """Make this thread known to ``threading`` under a name, unless that would have to wait."""
    lock = getattr(threading, "_active_limbo_lock", None)
    if lock is None or not lock.acquire(blocking=False):
        return  # cosmetic only: the thread then shows as Dummy-1
    try:
        threading.current_thread().name = name
    finally:
        lock.release()


def disown_thread() -> None:
    """Take this thread off ``threading``'s list; before CPython 3.13 nothing else would."""
    active = getattr(threading, "_active", None)
    if active is not None:
        active.pop(threading.get_ident(), None)


def is_free_to_log(record: logging.LogRecord) -> bool:
    """Be a logger's filter: on the thread of an event loop, no handler's lock is waited for.

    Its owner may be a handler that waits in a sync call for this very loop. Then a thread of its own
    waits in the loop's place, and hands the record over when the lock is free.
    """
    if _get_running_loop() is None:
        return True
    whole = logging.getLogger(record.name)
    logger: logging.Logger | None = whole
    while logger is not None:
        if not all(_is_free(handler.lock) for handler in logger.handlers):
            with contextlib.suppress(CannotStartThreadError):
                handle = functools.partial(contextvars.copy_context().run, whole.handle, record)
                start_thread(handle, name="agent_runtime log")
            return False
        logger = logger.parent if logger.propagate else None
    return True


def _is_free(lock: Any) -> bool:
    """Whether this thread could have a lock without waiting."""
    if lock is None:
        return True
    if lock.acquire(blocking=False):
        lock.release()
        return True
    return False


def _end_dummy() -> None:
    """Have ``threading`` run now what it would run when this thread has ended; since CPython 3.13 it does.

    That is Python code: there the thread could lose the GIL when it is no longer counted.
    """
    with contextlib.suppress(AttributeError):
        del threading._thread_local_info._track_dummy_thread_ref  # type: ignore[attr-defined]  # noqa: SLF001


def wait_for_threads_of_sub_interpreter(limit: float) -> None:
    """Wait until the threads of a sub-interpreter that ends are gone, ``limit`` seconds at most.

    CPython aborts the process when a thread's state is still there: it is after the thread's last
    instruction, for a moment. The main interpreter leaves threads alone, and so does this there. CPython 3.11
    does not tell which one it is.
    """
    if getattr(_thread, "_is_main_interpreter", lambda: True)():
        return
    until = time.monotonic() + limit
    while _thread._count() and time.monotonic() < until:  # noqa: SLF001 - nothing tells of the end
        time.sleep(_LOOK)
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        # A thread is no longer counted shortly before its state goes. With the GIL nobody sees that.
        # This stops the threads of the interpreter where they can be stopped: it cannot between the two.
        import gc

        gc.get_referrers()


def leave_child(outcome: Outcome[Any] | None) -> NoReturn:
    """End a child process that was forked on a thread of the bridge and has come to the end of its work.

    Here it must not go on: a loop would share the parent's selector, a worker has nobody to serve.
    """
    error = None if outcome is None else outcome.error
    code: object = 0
    if isinstance(error, SystemExit):
        code = error.code
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
