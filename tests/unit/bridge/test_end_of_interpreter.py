"""What is freed when the interpreter is taken down, after its modules have lost their globals."""

from __future__ import annotations

import pytest

from tests.helpers.children import run_child

LEFT_OPEN = """
import asyncio, contextlib, json, sys
from agent_runtime.bridge import enter, iterate

async def numbers():
    try:
        for number in range(10):
            yield number
            await asyncio.sleep(0)
    finally:
        await asyncio.sleep(0.01)

@contextlib.asynccontextmanager
async def manager():
    yield 5
    await asyncio.sleep(0.01)

def left_open(how, strategy):
    if how == "iterate":
        stream = iterate(numbers(), strategy=strategy)
        print(next(stream))
    else:
        stream = enter(manager(), strategy=strategy)
        print(stream.__enter__())
    return stream

how, strategy = sys.argv[1:]
"""

HOLDERS = {
    "a_global": "stream = left_open(how, strategy)",
    "a_global_in_a_cycle": "stream = [left_open(how, strategy)]; stream.append(stream)",
    "sys": "sys.stream = left_open(how, strategy)",
    "asyncio": "asyncio.stream = left_open(how, strategy)",
    "another_module": "json.stream = left_open(how, strategy)",
}


@pytest.mark.parametrize("strategy", ["portal", "direct"])
@pytest.mark.parametrize("holder", list(HOLDERS))
def test_stream_left_open_ends_without_a_word(holder: str, strategy: str) -> None:
    for how, first in (("iterate", "0"), ("enter", "5")):
        child = run_child(LEFT_OPEN + HOLDERS[holder], arguments=(how, strategy))

        assert child.check().lines == [first]


def test_stream_whose_work_blocks_its_thread_is_not_waited_for() -> None:
    child = run_child(
        """
        import asyncio, threading
        from agent_runtime.bridge import iterate, run_sync

        blocked, never = threading.Event(), threading.Event()

        async def numbers():
            yield 1

        async def block():
            blocked.set()
            never.wait()

        asyncio.stream = iterate(numbers())
        print(next(asyncio.stream))
        threading.Thread(target=run_sync, args=(block,), daemon=True).start()
        blocked.wait()
        """
    )

    assert child.check().lines == ["1"]
