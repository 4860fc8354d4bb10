"""Child processes of the bridge's loops: started and waited for without asking the process's policy.

Before CPython 3.14 asyncio asks the event loop policy for somebody who waits for children; the policy of
another library (uvloop's) has nobody. gevent and eventlet replace what starts and awaits processes by what
works on the main thread only. Imported when a first child is to be started.
"""

from __future__ import annotations

import asyncio
import functools
import os
import posix
from asyncio import unix_events
from asyncio.log import logger
from types import BuiltinFunctionType, ModuleType
from typing import Any

from agent_runtime.bridge.threads import block_signals, copy_of, patcher, start_thread

__all__ = ("start_process",)


class _Transport(unix_events._UnixSubprocessTransport):  # type: ignore[name-defined, misc]  # noqa: SLF001
    """asyncio's transport, with the process as Python's own ``subprocess`` starts it."""

    def _start(
        self, args: Any, shell: bool, stdin: Any, stdout: Any, stderr: Any, bufsize: int, **options: Any
    ) -> None:  # fmt: skip
        if patcher() is None:
            super()._start(args, shell, stdin, stdout, stderr, bufsize, **options)
            return
        self._proc = _unpatched().Popen(
            args, shell=shell, stdin=stdin, stdout=stdout, stderr=stderr, bufsize=bufsize, **options
        )


@functools.cache
def _unpatched() -> Any:
    """Return another copy of ``subprocess``: gevent takes out what the original class needs."""
    real = ModuleType("os")
    functions = {name: made for name, made in vars(posix).items() if isinstance(made, BuiltinFunctionType)}
    vars(real).update(vars(os) | functions)  # its close() and waitpid() may be greenlets' ones
    return copy_of("subprocess", os=real)


async def start_process(
    loop: asyncio.AbstractEventLoop, *args: Any, **options: Any
) -> asyncio.SubprocessTransport:
    """Start a child process and watch it; on the loop.

    Raises:
        CannotStartThreadError: the system has no descriptors for processes, and no thread can be started.
        OSError: the process cannot be started.
    """
    waiter = loop.create_future()
    transport = _Transport(loop, *args, waiter=waiter, **options)
    try:
        _watch(loop, transport)
        await waiter
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException:
        transport.close()
        await transport._wait()  # noqa: SLF001
        raise
    return transport


def _watch(loop: asyncio.AbstractEventLoop, transport: Any) -> None:
    """Have the transport told of the end of its process, which is waited for."""
    pid: int = transport.get_pid()
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        reap = functools.partial(_reap_in_a_thread, loop, pid, transport)
        start_thread(reap, name=f"agent_runtime waits for process {pid}")
    else:
        loop.add_reader(descriptor, _reap, loop, descriptor, pid, transport)


def _reap(loop: asyncio.AbstractEventLoop, descriptor: int, pid: int, transport: Any) -> None:
    loop.remove_reader(descriptor)
    posix.close(descriptor)
    loop.call_soon(transport._process_exited, _code_of(pid))  # noqa: SLF001 - first, what its pipes still hold


def _reap_in_a_thread(loop: asyncio.AbstractEventLoop, pid: int, transport: Any) -> None:
    block_signals()  # all that this thread does is to wait
    code = _code_of(pid)
    if loop.is_closed():
        logger.warning("Loop %r that handles pid %r is closed", loop, pid)
    else:
        loop.call_soon_threadsafe(loop.call_soon, transport._process_exited, code)  # noqa: SLF001


def _code_of(pid: int) -> int:
    """Wait for a process and return its exit code."""
    try:
        _, status = posix.waitpid(pid, 0)  # not of `os`, where it may be a greenlet's
    except ChildProcessError:
        logger.warning("Unknown child process pid %d, will report returncode 255", pid)
        return 255
    return os.waitstatus_to_exitcode(status)
