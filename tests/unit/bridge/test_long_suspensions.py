"""A task that greenback has prepared, and that sleeps for longer than one look: nothing is left of that."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from agent_runtime.bridge import run_sync, waiting
from tests.helpers.freeing import let_owners_free

greenback = pytest.importorskip("greenback")

Main = Callable[[], Coroutine[Any, Any, bool]]


class Large:
    """Stands for an array, a connection, a file: what must not stay alive unseen."""


def on_asyncio(main: Main) -> bool:
    return asyncio.run(main())


def on_trio(main: Main) -> bool:
    answer: bool = pytest.importorskip("trio").run(main)
    return answer


@pytest.fixture(autouse=True)
def collector_off() -> Iterator[None]:
    """Whatever is freed is freed at once, or not at all."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("run", [on_asyncio, on_trio])
def test_a_result_is_freed_as_soon_as_the_caller_drops_it(run: Callable[[Main], bool]) -> None:
    freed = threading.Event()

    async def work() -> Large:
        await asyncio.sleep(3 * waiting.SLICE)
        return Large()

    def use() -> None:
        large = run_sync(work)
        weakref.finalize(large, freed.set)

    async def main() -> bool:
        await greenback.ensure_portal()
        use()
        let_owners_free(freed.is_set)
        return freed.wait(10)

    assert run(main)
