"""S11: a caller may hold a lock, of a logging handler say; its work never waits for that in silence."""

from __future__ import annotations

import textwrap

import pytest

from tests.helpers.children import run_child

COMMON = """
import asyncio, faulthandler, logging, sys, threading, time
from agent_runtime.bridge import Bridge, run_sync
from agent_runtime.errors import CircularWaitError
faulthandler.dump_traceback_later(15, exit=True)

async def send(text): return text.upper()

class Ship(logging.Handler):
    takes = staticmethod(lambda record: record.name == "root")
    def emit(self, record):
        if self.takes(record):
            print(self.call(record.getMessage()))
    def call(self, text): return run_sync(send, text)

def log_to(handler, level):
    logging.basicConfig(level=level, handlers=[handler])
    logging.warning("hello")
"""


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        pytest.param("log_to(Ship(), logging.DEBUG)", ["HELLO"], id="first_call_at_level_debug"),
        pytest.param(
            """
            ship = Ship()
            ship.takes = lambda record: True
            log_to(ship, logging.DEBUG)
            """,
            ["HELLO"],
            id="handler_that_takes_the_records_of_asyncio_too",
        ),
        pytest.param(
            """
            class Own(Ship):
                bridge = Bridge(loop_factory=asyncio.SelectorEventLoop)
                def call(self, text): return self.bridge.run_sync(send, text)
            log_to(Own(), logging.DEBUG)
            """,
            ["HELLO"],
            id="loop_factory_of_its_own",
        ),
        pytest.param(
            """
            class Nested(Ship):
                def call(self, text):
                    async def outer(): return run_sync(send, text)
                    return run_sync(outer)
            log_to(Nested(), logging.DEBUG)
            """,
            ["HELLO"],
            id="deeper_loop",
        ),
        pytest.param(
            """
            async def send(text):
                time.sleep(0.2)  # asyncio says so, in its debug mode
                await asyncio.sleep(0)
                return text.upper()
            log_to(Ship(), logging.INFO)
            """,
            ["HELLO"],
            id="slow_step_in_debug_mode",
        ),
        pytest.param(
            """
            async def send(text):
                logging.getLogger("agent_runtime").warning("about a step")
                return text.upper()
            seen, heard = [], threading.Event()
            class Kept(Ship):
                def emit(self, record):
                    super().emit(record)
                    if record.name == "agent_runtime":
                        seen.append(record.getMessage())
                        heard.set()
            log_to(Kept(), logging.INFO)
            heard.wait(10)
            print(seen)
            """,
            ["HELLO", "['about a step']"],
            id="what_the_runtime_itself_logs_comes_later",
        ),
    ],
)
def test_a_call_in_a_logging_handler_works(situation: str, expected: list[str]) -> None:
    environment = {"PYTHONASYNCIODEBUG": "1"} if "asyncio says so" in situation else {}
    child = run_child(COMMON + textwrap.dedent(situation), environment=environment)

    assert child.check().lines == expected


CIRCLE = """
def refused(fn, *args):
    begun = time.monotonic()
    try:
        return fn(*args)
    except CircularWaitError as error:
        assert time.monotonic() - begun < 5, "that took long"
        return error.reason.partition(" (")[0]
"""


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        pytest.param(
            """
            async def send(text):
                logging.getLogger("httpx").info("HTTP Request: POST")
                return text.upper()
            class Refused(Ship):
                def call(self, text): return refused(run_sync, send, text)
            log_to(Refused(), logging.INFO)
            """,
            "for a lock that this thread holds, self.lock of Refused",
            id="handler_whose_client_logs",
        ),
        pytest.param(
            """
            lock = threading.RLock()
            async def work():
                with lock:
                    return "well"
            with lock:
                print(refused(run_sync, work))
            """,
            "for a lock that this thread holds, lock",
            id="lock_of_the_program",
        ),
        pytest.param(
            """
            class Pool:
                def __init__(self): self.free = threading.Condition()
                async def take(self):
                    with self.free:
                        return "well"
            pool = Pool()
            with pool.free:
                print(refused(run_sync, pool.take))
            """,
            "for a lock that this thread holds, self._lock of Condition",
            id="condition",
        ),
        pytest.param(
            """
            lock = threading.RLock()
            async def work():
                lock.acquire()
            async def outer(): return run_sync(work)
            with lock:
                print(refused(run_sync, outer))
            """,
            "for a lock that this thread holds, lock",
            id="in_a_deeper_loop",
        ),
        pytest.param(
            """
            lock = threading.RLock()
            async def work():
                if lock.acquire(timeout=0.5):
                    return "taken"
                return "did without"
            with lock:
                print(refused(run_sync, work))
            """,
            "did without",
            id="wait_with_a_limit_ends_by_itself",
        ),
        pytest.param(
            """
            lock, held = threading.RLock(), threading.Event()
            def hold():
                with lock:
                    held.set()
                    time.sleep(0.5)
            threading.Thread(target=hold).start()
            held.wait()
            async def work():
                with lock:
                    return "well"
            print(refused(run_sync, work))
            """,
            "well",
            id="lock_of_somebody_else_is_waited_for",
        ),
    ],
)
def test_work_that_waits_for_a_lock_of_its_caller_is_refused(situation: str, expected: str) -> None:
    child = run_child(COMMON + CIRCLE + _as_file(textwrap.dedent(situation)))

    assert child.check().lines == [expected]


def _as_file(code: str) -> str:
    """Return code that runs ``code`` from a file: where there is no source, no lock can be told."""
    return f"""
import linecache
source = {code!r}
linecache.cache["situation.py"] = (len(source), None, source.splitlines(True), "situation.py")
exec(compile(source, "situation.py", "exec"))
"""
