"""Calls in sub-interpreters, and the end of an interpreter in which calls were made."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="3.11 has no usable interface to sub-interpreters"
)

IN_SUB_INTERPRETERS = """
import sys
try:
    import _interpreters
    create, run, end = _interpreters.create, _interpreters.exec, _interpreters.destroy
except ImportError:
    import _xxsubinterpreters as _interpreters
    create = lambda: _interpreters.create(isolated=False)
    run, end = _interpreters.run_string, _interpreters.destroy

def once(code):
    interpreter = create()
    failure = run(interpreter, code)
    if failure is not None:
        sys.exit(failure.errdisplay)
    end(interpreter)
"""

# With such an interval a thread loses the GIL at every chance: also between its last word and its end.
BEGIN = """
import asyncio, sys
from agent_runtime.bridge import Bridge, iterate, run_sync
sys.setswitchinterval(1e-6)

async def nested():
    run_sync(asyncio.sleep, 0, run_sync(asyncio.sleep, 0))

async def numbers():
    yield 1
    await asyncio.sleep(0)
    yield 2
"""

WORK = {
    "calls": "run_sync(asyncio.sleep, 0)",
    "nested_calls": "run_sync(nested)",
    "streams": "list(iterate(numbers())); left_open = iterate(numbers()); next(left_open)",
    "executors": "run_sync(asyncio.to_thread, int)",
    "bridges": """
own, closed = Bridge(), Bridge()
own.run_sync(nested)
closed.run_sync(nested)
closed.close()
""",
}


def test_a_call_in_a_sub_interpreter_works() -> None:
    child = run_child(
        f"""
{IN_SUB_INTERPRETERS}
once('''if True:
    import asyncio
    from agent_runtime.bridge import run_sync
    print(run_sync(asyncio.sleep, 0, "works"), flush=True)
''')
"""
    )

    assert child.stdout.splitlines() == ["works"]


@pytest.mark.parametrize("work", list(WORK))
def test_a_sub_interpreter_ends_alone_after_calls(work: str) -> None:
    child = run_child(
        f"""
{IN_SUB_INTERPRETERS}
for _ in range(6):
    once({BEGIN + WORK[work]!r})
print("goes on")
""",
        limit=60.0,
    )

    assert child.check().lines == ["goes on"]


def test_a_sub_interpreter_is_not_kept_by_a_thread_that_stays() -> None:
    """Before 3.14, CPython aborts the process then: that is the program's own doing, but it comes to it."""
    child = run_child(
        f"""
{IN_SUB_INTERPRETERS}
once('''if True:
    import _thread, asyncio
    from agent_runtime.bridge import run_sync
    never = _thread.allocate_lock()
    never.acquire()
    _thread.start_new_thread(never.acquire, ())
    run_sync(asyncio.sleep, 0)
''')
""",
    )

    if sys.version_info < (3, 14):
        assert "not the last thread" in child.stderr
    else:
        child.check()
