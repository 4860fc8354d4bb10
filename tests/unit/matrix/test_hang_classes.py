"""Children that really hang, in every way there is: each is told from the others, from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix import procfs
from matrix.model import HangClass, Outcome, Phase

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

pytestmark = pytest.mark.skipif(bool(procfs.why_unreadable()), reason="only /proc tells")

LIMIT = "limit=1.0"

TWO_LOCKS = """
first, second, both = threading.Lock(), threading.Lock(), threading.Barrier(2)
def other():
    with second:
        both.wait()
        with first:
            pass
threading.Thread(target=other, daemon=True).start()
with first:
    both.wait()
    with second:
        pass
"""
OWN_LOOP = """
import asyncio
from concurrent.futures import Future
async def main():
    future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop())
    future.result()
asyncio.run(main())
"""
CALLERS_LOOP_FROM_ANOTHER = """
import asyncio
async def main():
    host = asyncio.get_running_loop()
    async def ask():
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), host))
    thread = threading.Thread(target=asyncio.run, args=(ask(),))
    thread.start()
    thread.join()
asyncio.run(main())
"""
OWN_PIPE = "reading, writing = os.pipe()\nos.read(reading, 1)"
OWN_SOCKETS = """
import socket
here, there = socket.socketpair()
here.recv(1)
"""
LOOPBACK = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
accepted, _ = server.accept()
accepted.recv(1)
"""
# Looks around by itself and goes back to sleep, as a bridge does that waits in slices.
SLICES = """
import queue
inbox = queue.SimpleQueue()
while True:
    try:
        inbox.get(timeout=0.3)
    except queue.Empty:
        pass
"""
SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 0))
server.accept()
"""
SERVER_ON_A_LOOP = """
import asyncio
async def main():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    await server.serve_forever()
asyncio.run(main())
"""
SELECT = """
import select, socket
select.select([socket.create_server(("127.0.0.1", 0))], [], [])
"""
POLL = """
import select, socket
listener = socket.create_server(("127.0.0.1", 0))
poll = select.poll()
poll.register(listener, select.POLLIN)
poll.poll()
"""
LONG_TIMER = "import asyncio\nasyncio.run(asyncio.sleep(3000))"
CHILD_THAT_SLEEPS = "subprocess.run([sys.executable, '-c', 'import time; time.sleep(3000)'])"
CHILD_THAT_IS_DEADLOCKED = """
code = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"
subprocess.run([sys.executable, "-c", code])
"""
BUSY = "while True: pass"
BUSY_ELSEWHERE = """
def spin():
    while True: pass
thread = threading.Thread(target=spin, daemon=True)
thread.start()
thread.join()
"""
CHILD_THAT_SPINS = "subprocess.run([sys.executable, '-c', 'while True: pass'])"
# C code that never lets go of the interpreter, while the calling thread has something to do.
HOGGED = """
import re
threading.Thread(target=re.match, args=(r"(a*)*b", "a" * 60), daemon=True).start()
while True: pass
"""
# Only what nobody else wants: another process on the same processor leaves next to nothing of it.


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param(TWO_LOCKS, HangClass.DEADLOCK, id="two_locks_in_two_orders"),
        pytest.param(OWN_LOOP, HangClass.DEADLOCK, id="future_of_the_loop_that_is_blocked"),
        pytest.param(CALLERS_LOOP_FROM_ANOTHER, HangClass.DEADLOCK, id="callers_loop_asked_from_another"),
        pytest.param(OWN_PIPE, HangClass.DEADLOCK, id="pipe_of_ones_own"),
        pytest.param(OWN_SOCKETS, HangClass.DEADLOCK, id="socket_pair_of_ones_own"),
        pytest.param(LOOPBACK, HangClass.DEADLOCK, id="connection_to_oneself"),
        pytest.param(SLICES, HangClass.DEADLOCK, id="wait_in_slices"),
        pytest.param(CHILD_THAT_IS_DEADLOCKED, HangClass.DEADLOCK, id="child_that_is_deadlocked"),
        pytest.param(SERVER, HangClass.STALLED, id="accept"),
        pytest.param(SERVER_ON_A_LOOP, HangClass.STALLED, id="server_on_a_loop"),
        pytest.param(SELECT, HangClass.STALLED, id="select"),
        pytest.param(POLL, HangClass.STALLED, id="poll"),
        pytest.param(LONG_TIMER, HangClass.STALLED, id="timer_on_a_loop"),
        pytest.param("import time; time.sleep(3000)", HangClass.STALLED, id="sleep"),
        pytest.param(CHILD_THAT_SLEEPS, HangClass.STALLED, id="child_that_sleeps"),
        pytest.param(BUSY, HangClass.SPINNING, id="busy_loop"),
        pytest.param(BUSY_ELSEWHERE, HangClass.SPINNING, id="busy_loop_in_the_awaited_thread"),
        pytest.param(CHILD_THAT_SPINS, HangClass.SPINNING, id="child_that_spins"),
        pytest.param(HOGGED, HangClass.STARVED, id="interpreter_held_by_c_code"),
        pytest.param("os.kill(os.getpid(), signal.SIGSTOP)", HangClass.STOPPED, id="sigstop"),
    ],
)
def test_class_of_a_hang_is_read_from_outside(toy: Toy, code: str, kind: HangClass) -> None:
    toy.context().probe("hangs", f"run(None, {{}})\n{code}", more=LIMIT)

    record = toy.run()["hangs"]

    assert (record.outcome, record.phase) == (Outcome.HANG, Phase.CALL)
    assert (record.hang_class, record.evidence) == (kind, record.evidence)
    assert record.evidence
