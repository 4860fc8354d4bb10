"""Real hangs of a real peer in real contexts: class, words and signature are those of the circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix import procfs
from matrix.model import HangClass

if TYPE_CHECKING:
    from matrix.record import Record
    from tests.helpers.registries import Toy

pytestmark = pytest.mark.skipif(bool(procfs.why_unreadable()), reason="only /proc tells")

# The circle of refuses_a_circular_wait, but nobody gives up. The entry point runs what it is given.
ENTRY_POINT = """
from matrix.model import EntryPoint

ENTRY_POINT = EntryPoint("toy", label="toy()")


def call(source, inputs):
    raise NotImplementedError


async def call_async(source, inputs):
    return {"answer": await source.tools["ask"]()}
"""
CIRCLE = """
import asyncio
host = asyncio.get_running_loop()
async def answer():
    return "an answer"
async def ask():
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(), host))
run(Source("name: toy", tools={"ask": ask}), {})
"""


def hang(toy: Toy, context: str) -> Record:
    """Let ``fresh_thread`` meet the circle in a context; return the record."""
    toy.write("entry_points", "toy", ENTRY_POINT)
    toy.peer("fresh_thread", "from matrix.peers.fresh_thread import call\nreturn call(source, inputs)")
    toy.probe("circle", CIRCLE, more="limit=2.0")
    for file in (toy.root / "contexts").glob("*.py"):
        file.unlink()
    toy.write("contexts", context, f"from matrix.contexts.{context} import CONTEXT, host\n")
    return toy.run("fresh_thread")["circle"]


def test_circle_of_a_fresh_thread_is_the_same_deadlock_in_every_context(toy: Toy) -> None:
    records = [hang(toy, name) for name in ("asyncio_run", "signal_handler_in_loop", "fastapi_async_route")]

    assert [one.hang_class for one in records] == [HangClass.DEADLOCK] * 3, [one.evidence for one in records]
    assert [one.second_run for one in records] == ["repeated"] * 3
    for one in records:
        assert "(`thread.join()`) for thread Thread-" in one.explanation
        assert "for a future that only the loop of thread MainThread can complete" in one.explanation
        assert "a circle, so that none of them can go on: thread MainThread -> " in one.explanation
    assert len({one.signature for one in records}) == 1
