"""A cell that hung runs once more, instrumented: who waits for whom, in words, and a signature."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from matrix.model import Outcome
from tests.unit.matrix.test_hang_classes import (
    BUSY,
    CALLERS_LOOP_FROM_ANOTHER,
    HOGGED,
    LIMIT,
    OWN_LOOP,
    OWN_PIPE,
    OWN_SOCKETS,
    SLICES,
    TWO_LOCKS,
)

if TYPE_CHECKING:
    from matrix.record import Record
    from tests.helpers.registries import Toy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signal reaches a hung Python there")

TASK_THAT_NOBODY_WAKES = """
import asyncio
async def inner():
    await asyncio.Event().wait()
async def main():
    await asyncio.gather(asyncio.create_task(inner(), name="inner"), asyncio.sleep(0))
asyncio.run(main())
"""
# The work of a pool waits for the loop that waits for the pool.
POOL = """
import asyncio
async def main():
    loop = asyncio.get_running_loop()
    def ask():
        asyncio.run_coroutine_threadsafe(never(), loop).result()
    async def never():
        await asyncio.Event().wait()
    await asyncio.to_thread(ask)
asyncio.run(main())
"""


def hang(toy: Toy, code: str, *, more: str = LIMIT, name: str = "hangs") -> Record:
    """Run a probe that hangs in ``code``; return its record."""
    toy.context().probe(name, f"run(None, {{}})\n{code}", more=more)
    return toy.run()[name]


@pytest.mark.parametrize(
    ("code", "sentences"),
    [
        pytest.param(
            TWO_LOCKS,
            [
                "thread MainThread waits at probes/hangs.py in check (`with second:`)",
                "for the lock second, held by thread Thread-1 (other)",
                "thread Thread-1 (other) waits at probes/hangs.py in other (`with first:`)",
                "for the lock first, held by thread MainThread",
                "a circle, so that none of them can go on: thread MainThread -> thread Thread-1 (other) -> ",
            ],
            id="two_locks_in_two_orders",
        ),
        pytest.param(
            OWN_LOOP,
            [
                "a future that only the loop of thread MainThread can complete, where the work for",
                "thread MainThread -> thread MainThread",
            ],
            id="future_of_the_loop_that_is_blocked",
        ),
        pytest.param(
            CALLERS_LOOP_FROM_ANOTHER,
            [
                "waits at probes/hangs.py in main (`thread.join()`) for thread Thread-1 (run) to end",
                "task Task-2, on the loop of thread Thread-1 (run), waits at probes/hangs.py in ask",
                "for a future that only the loop of thread MainThread can complete",
                "thread MainThread -> thread Thread-1 (run) -> task Task-2 -> thread MainThread",
            ],
            id="callers_loop_asked_from_another",
        ),
        pytest.param(
            TASK_THAT_NOBODY_WAKES,
            [
                "waits at probes/hangs.py in main",
                "for task inner to end",
                "for a Future of which nothing shows",
            ],
            id="task_that_nobody_wakes",
        ),
        pytest.param(
            POOL,
            ["for thread asyncio_0 to", "asyncio_0 waits at probes/hangs.py in ask", "for task Task-"],
            id="pool_that_waits_for_its_loop",
        ),
        pytest.param(OWN_PIPE, ["thread MainThread is at probes/hangs.py in check"], id="call_of_c_code"),
        pytest.param(
            HOGGED, ["the hung process did not tell where it waits", "keeps the interpreter"], id="no_python"
        ),
    ],
)
def test_hang_is_explained_in_words(toy: Toy, code: str, sentences: list[str]) -> None:
    record = hang(toy, code)

    assert (record.outcome, record.second_run) == (Outcome.HANG, "repeated")
    told = re.sub(r":\d+ in ", " in ", record.explanation)
    assert [one for one in sentences if one not in told] == [], told


def test_task_stacks_reach_down_to_the_innermost_await(toy: Toy) -> None:
    record = hang(toy, TASK_THAT_NOBODY_WAKES)

    assert "task inner" in record.task_stacks
    assert "await asyncio.Event().wait()" in record.task_stacks


def test_equal_hangs_share_a_signature_and_others_do_not(toy: Toy) -> None:
    """Equal means equal: also when other lines stand before it, and in another context and process."""
    codes = [TWO_LOCKS, OWN_LOOP, CALLERS_LOOP_FROM_ANOTHER, OWN_PIPE, OWN_SOCKETS, SLICES, BUSY]

    once = [hang(toy, code).signature for code in codes]
    toy.context("script", host="import time\nfor cell in job.cells:\n    job.perform(cell)")
    again = [
        toy.probe("hangs", f"run(None, {{}})\n# moved\n# down\n{code}", more=LIMIT).run()["hangs"].signature
        for code in codes
    ]

    assert once == again
    assert len(set(once)) == len(codes)


def test_hang_that_does_not_come_again_says_so(toy: Toy, tmp_path: object) -> None:
    """Here the first run leaves a file, and the second finds it."""
    once = f"""
    import pathlib
    run(None, {{}})
    if not pathlib.Path({str(tmp_path)!r}, "been_here").exists():
        pathlib.Path({str(tmp_path)!r}, "been_here").touch()
        threading.Event().wait()
    """
    toy.context().probe("hangs_once", once, more=LIMIT).probe("works")

    records = toy.run()

    assert records["hangs_once"].outcome is Outcome.HANG
    assert records["hangs_once"].second_run == (
        "did not repeat: alone in a fresh host the cell ended in pass"
    )
    assert records["hangs_once"].signature
    assert records["works"].outcome is Outcome.PASS


def test_hung_control_is_not_run_again(toy: Toy) -> None:
    toy.context().probe(broken="threading.Event().wait()", more=LIMIT)

    record = toy.run("control")["works"]

    assert (record.outcome, record.second_run) == (Outcome.HANG, "")


def test_host_that_cannot_be_entered_is_explained_once_for_all_its_cells(toy: Toy) -> None:
    toy.context(host="threading.Event().wait()", more="enter_limit=2.0").probe("first").probe("second")

    first, second = toy.run().values()

    assert first.second_run == second.second_run == "repeated"
    assert "in host" in first.explanation
    assert first.explanation == second.explanation
