"""Links that lead into another process: forked here or in a thread, or made by multiprocessing."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import sys
import threading
import traceback
from multiprocessing.connection import Connection

from agent_runtime.bridge import run_sync
from tests.helpers.soak.inside import Carried
from tests.helpers.soak.walk import Refused, Walk, go, link, raised

__all__ = ("walk_here",)


def walk_here(walk: Walk) -> bytes:
    """Walk on in this process; return what came of it as bytes for another one."""
    try:
        return pickle.dumps(("value", go(walk)))
    except Refused as error:
        if error is not raised[-1]:
            return pickle.dumps(("failure", "another exception than the one that was raised"))
        return pickle.dumps(("refused", error.args))
    except BaseException:
        return pickle.dumps(("failure", traceback.format_exc()))


def _read(told: bytes) -> list[str]:
    kind, what = pickle.loads(told)
    if kind == "value":
        return list(what)
    if kind == "refused":
        raised.append(Refused(*what))
        raise raised[-1]
    raise AssertionError(f"in another process: {what}")


def _forked(walk: Walk) -> list[str]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            with open(writing, "wb") as pipe:
                pipe.write(walk_here(walk))
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise AssertionError(f"the forked process failed; it told {told!r}")
    return _read(told)


@link
def fork(walk: Walk) -> list[str]:
    return _forked(walk)


@link
def fork_in_thread_during_call(walk: Walk) -> list[str]:
    """This thread is in a call while another one forks; on in the child."""
    carried = Carried()
    elsewhere = walk.elsewhere()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        forked = asyncio.Event()

        def act() -> None:
            carried.carry(lambda: _forked(elsewhere))
            loop.call_soon_threadsafe(forked.set)

        thread = threading.Thread(target=act)
        thread.start()
        await forked.wait()
        thread.join()

    run_sync(work, on_running_loop="allow")
    return carried.unpack()


def _send(connection: Connection, walk: Walk) -> None:
    connection.send_bytes(walk_here(walk))


def _by_process(method: str, walk: Walk) -> list[str]:
    context = multiprocessing.get_context(method)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sending, walk))  # type: ignore[attr-defined]
    process.start()
    sending.close()
    told = receiving.recv_bytes()
    receiving.close()
    process.join()
    process.close()
    return _read(told)


@link
def multiprocessing_fork(walk: Walk) -> list[str]:
    return _by_process("fork", walk)


@link
def multiprocessing_spawn(walk: Walk) -> list[str]:
    return _by_process("spawn", walk.elsewhere())


@link
def multiprocessing_forkserver(walk: Walk) -> list[str]:
    return _by_process("forkserver", walk.elsewhere())


@link
def pool(walk: Walk) -> list[str]:
    return _by_pool("spawn", walk.elsewhere())


@link
def forking_pool(walk: Walk) -> list[str]:
    return _by_pool("fork", walk)


def _by_pool(method: str, walk: Walk) -> list[str]:
    with multiprocessing.get_context(method).Pool(1) as processes:
        told = processes.apply(walk_here, (walk,))
        processes.close()
        processes.join()
    del processes  # it has semaphores, and what is raised here would keep it
    return _read(told)
