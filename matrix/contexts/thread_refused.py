"""A process to which the kernel gives no thread: a sandbox of seccomp, as services and builders use it."""

from __future__ import annotations

import _thread
import ctypes
import platform
import struct

from matrix.model import Context, Facts, Job

_STARTS_THREADS = (
    "closing_a_runtime_cancels_what_is_left",
    "keeps_context_variables",
    "reuses_http_client",
    "serves_a_crowd_on_one_loop",
    "serves_many_threads",
    "survives_a_dead_loop_thread",
    "works_at_the_end_of_the_process",
)
_JUDGED = (
    "abandons_on_second_ctrl_c",
    "cancels_on_ctrl_c",
    "closes_a_stream_left_early",
    "ends_traceback_in_user_code",
    "ignores_*",
    "keeps_*",
    "leaves_no_footprint",
    "never_returns_a_failure",
    "raises_*",
    "returns_*",
    "runs_def_steps_on_calling_thread",
    "shows_def_steps_no_loop",
    "streams_*",
    "survives_base_exceptions",
    "times_out",
    "works_in_a_forked_child",
    "works_without_threads",
)
_NEEDS_ONE_LOOP = ("runs_on_one_loop", "starts_nothing_for_a_call")

CONTEXT = Context(
    "thread_refused",
    summary="in a process that the system lets start no thread",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"a new thread": "can't start new thread"},
    ),
    platforms=("linux",),
    without={
        **dict.fromkeys(_STARTS_THREADS, "the check itself starts threads, and none can start"),
        **dict.fromkeys(_NEEDS_ONE_LOOP, "without a thread each call has a loop of its own (S4)"),
        "allows_reentry*": "a call beside the loop that carries out the outer one needs a thread",
        "starts_*": "before CPython 3.12 asyncio waits for child processes on threads",
        "closes_clients_in_their_loop": "nobody but the one thread could close, and it is in the call",
    },
    gate_probes=_JUDGED,
)


def host(job: Job) -> None:
    refuse_threads()
    for cell in job.cells:
        job.perform(cell, evidence={"a new thread": _what_a_new_thread_comes_to()})


def _what_a_new_thread_comes_to() -> str:
    try:
        _thread.start_new_thread(bool, ())
    except RuntimeError as error:
        return str(error)
    return "started"


_CLONE = {"x86_64": 56, "aarch64": 220}
"""The number of clone(2), by machine; that of clone3(2) is the same everywhere."""
_CLONE3 = 435
_CLONE_THREAD = 0x00010000
_LOAD, _EQUAL, _BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_EAGAIN, _ENOSYS = 11, 38
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_threads() -> None:
    """Have the kernel refuse clone(2) with CLONE_THREAD; forks go on. Needs no privilege, and stays.

    clone3(2) hides its flags in memory, which no filter can read. It is said not to exist: then the C
    library takes clone(2).

    Raises:
        OSError: the kernel takes no filter here.
    """
    instructions = (
        (_LOAD, 0, 0, 0),  # the number of the system call
        (_EQUAL, 5, 0, _CLONE3),
        (_EQUAL, 0, 2, _CLONE[platform.machine()]),
        (_LOAD, 0, 0, 16),  # its first argument: the flags
        (_BITS, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERROR | _EAGAIN),
        (_RETURN, 0, 0, _ERROR | _ENOSYS),
    )
    code = b"".join(struct.pack("HBBI", *one) for one in instructions)
    program = _Program(len(instructions), code)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the kernel takes no filter for system calls")
