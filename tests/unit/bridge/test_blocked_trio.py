"""A call that blocks a run of trio is spoken of as one that blocks an event loop of asyncio."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from agent_runtime import run_workflow, stream_workflow
from agent_runtime.bridge import call_in_caller, enter, hostloop, iterate, run_sync
from agent_runtime.errors import BlockedLoopWarning, CallerLoopError, StalledCallWarning

trio = pytest.importorskip("trio")

_LONG = 0.05

_WORKFLOW = """
name: pause
steps:
  - {id: pause, tool: pause}
"""

Main = Callable[[], Any]


async def _pause() -> None:
    await asyncio.sleep(_LONG * 1.5)


async def _items() -> AsyncIterator[None]:
    await _pause()
    yield


def _run_sync(**options: Any) -> None:
    run_sync(_pause, **options)


def _iterate(**options: Any) -> None:
    list(iterate(_items(), **options))


def _enter(**options: Any) -> None:
    with enter(asynccontextmanager(_items)(), **options):
        pass


def _run_workflow(**options: Any) -> None:
    run_workflow(_WORKFLOW, tools={"pause": _pause}, **options)


def _stream_workflow(**options: Any) -> None:
    list(stream_workflow(_WORKFLOW, tools={"pause": _pause}, **options))


_ADVICE = "write `await trio.to_thread.run_sync(...)` there"

_WAYS = pytest.mark.parametrize("call", [_run_sync, _iterate, _enter, _run_workflow, _stream_workflow])
_HOSTS = pytest.mark.parametrize(
    "host",
    [
        pytest.param(trio.run, id="trio"),
        pytest.param(lambda main: anyio.run(main, backend="trio"), id="anyio_on_trio"),
    ],
)


@pytest.fixture(autouse=True)
def _low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", _LONG)
    monkeypatch.setattr(hostloop, "_warned", set())


def _said(host: Callable[[Main], Any], call: Callable[[], object]) -> list[Warning]:
    """Return the warnings of a call that an async function of the host makes."""

    async def main() -> None:
        call()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        host(main)
    return [one.message for one in caught if isinstance(one.message, Warning)]


@_HOSTS
@_WAYS
def test_call_that_blocks_trio_for_long_says_so_and_what_to_write(
    host: Callable[[Main], Any], call: Callable[..., None]
) -> None:
    said = _said(host, call)

    assert [type(one) for one in said] == [BlockedLoopWarning]
    assert _ADVICE in str(said[0])


@_HOSTS
@_WAYS
def test_call_that_must_not_block_trio_is_refused(
    host: Callable[[Main], Any], call: Callable[..., None]
) -> None:
    async def main() -> str:
        with pytest.raises(CallerLoopError) as caught:
            call(on_running_loop="raise")
        return str(caught.value)

    assert f"{_ADVICE} instead" in host(main)


@_WAYS
def test_call_that_may_block_trio_is_silent(call: Callable[..., None]) -> None:
    assert _said(trio.run, lambda: call(on_running_loop="allow")) == []


def test_advice_for_trio_works() -> None:
    async def main() -> str:
        got: str = await trio.to_thread.run_sync(run_sync, asyncio.sleep, 0, "well")
        return got

    assert trio.run(main) == "well"


def test_call_that_goes_on_blocking_trio_reports_how_much_waits_for_it() -> None:
    event = threading.Event()

    async def work() -> None:
        while not event.is_set():
            await asyncio.sleep(0.001)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0)
            with pytest.raises(StalledCallWarning) as caught:
                run_sync(work, stall_timeout=_LONG, timeout=5)
            found.append(str(caught.value))
            event.set()

    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", StalledCallWarning)
        trio.run(main)

    assert "tasks live on it" in found[0]
    assert f"{_ADVICE} instead" in found[0]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: run_sync(asyncio.sleep, 0), id="short"),
        pytest.param(lambda: _in_thread(_run_sync), id="in_a_thread"),
    ],
)
def test_call_that_does_not_block_trio_for_long_is_silent(call: Callable[[], object]) -> None:
    assert _said(trio.run, call) == []


def test_only_the_call_that_blocks_trio_warns_not_those_in_its_def_steps() -> None:
    def step() -> None:
        run_sync(_pause)
        run_sync(_pause, on_running_loop="raise")

    said = _said(trio.run, lambda: run_sync(call_in_caller, step))

    assert len(said) == 1
    assert "run_sync() blocked" in str(said[0])


def _in_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
