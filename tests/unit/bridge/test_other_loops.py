"""Objects of another loop end in their library's own words; run_async() leads to the loop that is theirs."""

from __future__ import annotations

import asyncio

import pytest

from agent_runtime.bridge import Bridge, run_sync
from tests.helpers.children import run_child


async def taken(lock: asyncio.Lock) -> asyncio.Lock:
    """Use a lock so that it is bound to the loop: only a wait does that."""
    async with lock:
        waiting = asyncio.ensure_future(lock.acquire())
        await asyncio.sleep(0)
        if waiting.done():
            waiting.result()
        waiting.cancel()
    return lock


def test_a_lock_of_a_closed_bridge_says_whose_it_is_in_its_own_words() -> None:
    lock = asyncio.Lock()
    with Bridge() as bridge:
        bridge.run_sync(taken, lock)

    with pytest.raises(RuntimeError, match="is bound to a different event loop") as caught:
        run_sync(taken, lock)

    assert not hasattr(caught.value, "__notes__")


def test_run_async_leads_to_the_loop_that_a_lock_belongs_to() -> None:
    lock = asyncio.Lock()

    async def host() -> object:
        with pytest.raises(RuntimeError, match="is bound to a different event loop"):
            await taken(lock)
        return await bridge.run_async(taken, lock)

    with Bridge() as bridge:
        bridge.run_sync(taken, lock)
        assert asyncio.run(host()) is lock


def test_a_lock_that_was_used_before_a_fork_belongs_to_the_parents_loop() -> None:
    done = run_child(
        """
        import asyncio, os, warnings
        from agent_runtime.bridge import run_sync
        from tests.unit.bridge.test_other_loops import taken

        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn of a fork with threads
        lock = asyncio.Lock()
        run_sync(taken, lock)
        pid = os.fork()
        if pid == 0:
            try:
                run_sync(taken, lock)
            except RuntimeError as error:
                print(str(error).endswith("is bound to a different event loop"), flush=True)
            print(run_sync(taken, asyncio.Lock()).locked(), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        print(run_sync(taken, lock) is lock)
        """
    ).check()

    assert done.lines == ["True", "False", "True"]
