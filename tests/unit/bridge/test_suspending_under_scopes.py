"""A call in a task that greenback has prepared, cancelled by AnyIO: at each turn of the loop anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent_runtime.bridge import enter, iterate, run_sync
from tests.helpers.work import Work

anyio = pytest.importorskip("anyio")
greenback = pytest.importorskip("greenback")


@pytest.mark.parametrize("way", ["run_sync", "iterate", "enter"])
def test_work_is_cancelled_once_and_its_cleanup_is_awaited(way: str) -> None:
    work = Work()

    async def items() -> AsyncIterator[object]:
        yield await work()

    async def calling() -> None:
        await greenback.ensure_portal()
        if way == "run_sync":
            run_sync(work)
        elif way == "iterate":
            next(iterate(items()))
        else:
            with enter(asynccontextmanager(items)()):
                pass

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(calling)
            await anyio.to_thread.run_sync(work.begun.wait, 10)
            group.cancel_scope.cancel()
        assert (work.cleaned_up.is_set(), work.cancellations) == (True, 1)

    asyncio.run(main())
