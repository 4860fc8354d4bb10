"""S10, S11, S12: what a caller is told when a wait is long, cannot end, or outlives its deadline."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent_runtime.bridge import Bridge, enter, hostloop, iterate, run_sync
from agent_runtime.errors import (
    BlockedLoopWarning,
    BridgeClosedError,
    CircularWaitError,
    StalledCallWarning,
)
from tests.helpers.children import run_child


async def wait_for(event: threading.Event) -> None:
    while not event.is_set():
        await asyncio.sleep(0.01)


def test_a_call_that_blocks_a_loop_for_long_warns_once_a_call_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.05)

    async def main() -> None:
        for _ in range(3):
            run_sync(asyncio.sleep, 0.1)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())

    assert [warning.category for warning in caught] == [BlockedLoopWarning]
    assert caught[0].filename == __file__
    assert "write `await sleep(...)` there" in str(caught[0].message)


def test_a_short_call_an_allowed_one_and_one_without_a_loop_do_not_warn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def short() -> None:
        run_sync(asyncio.sleep, 0.01)

    async def allowed() -> None:
        run_sync(asyncio.sleep, 0.1, on_running_loop="allow")

    asyncio.run(short())
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.05)
    asyncio.run(allowed())
    run_sync(asyncio.sleep, 0.1)


async def fail_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise LookupError("the work's own")


@pytest.mark.parametrize("way", ["run_sync", "iterate", "enter"])
def test_where_warnings_are_errors_they_do_not_take_the_place_of_what_the_work_raised(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.05)

    async def items() -> AsyncIterator[None]:
        await fail_after(0.1)
        yield

    async def main() -> None:
        if way == "run_sync":
            run_sync(fail_after, 0.1)
        elif way == "iterate":
            list(iterate(items()))
        else:
            enter(asynccontextmanager(items)()).__enter__()

    with warnings.catch_warnings():
        warnings.simplefilter("error", BlockedLoopWarning)
        with pytest.raises(LookupError, match="the work's own"):
            asyncio.run(main())


def test_where_warnings_are_errors_one_of_a_call_that_went_well_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.05)

    async def main() -> None:
        run_sync(asyncio.sleep, 0.1)

    with warnings.catch_warnings():
        warnings.simplefilter("error", BlockedLoopWarning)
        with pytest.raises(BlockedLoopWarning):
            asyncio.run(main())


def test_where_warnings_are_errors_the_report_of_a_stall_cancels_the_work_and_waits_for_it() -> None:
    cleaned_up = threading.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            cleaned_up.set()

    async def main() -> None:
        run_sync(work, stall_timeout=0.1)

    with warnings.catch_warnings():
        warnings.simplefilter("error", StalledCallWarning)
        with pytest.raises(StalledCallWarning):
            asyncio.run(main())
    assert cleaned_up.is_set()


def test_a_call_that_goes_on_blocking_a_loop_reports_where_it_stands() -> None:
    event = threading.Event()

    async def main() -> None:
        asyncio.get_running_loop().call_soon(event.set)
        with pytest.raises(TimeoutError):
            run_sync(wait_for, event, stall_timeout=0.2, timeout=0.6)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", StalledCallWarning)
        asyncio.run(main())

    report = str(caught[0].message)
    assert caught[0].filename == __file__
    assert "waiting in wait_for" in report
    assert "1 callbacks are due" in report
    assert "write `await wait_for(...)` there instead" in report


def test_work_that_waits_for_the_loop_that_its_caller_blocks_fails_at_once() -> None:
    cleaned = threading.Event()

    async def work(host: asyncio.AbstractEventLoop) -> None:
        try:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), host))
        finally:
            cleaned.set()

    async def main() -> None:
        run_sync(work, asyncio.get_running_loop())

    began = time.monotonic()
    with pytest.raises(CircularWaitError, match="the event loop of this thread"):
        asyncio.run(main())

    assert time.monotonic() - began < 3
    assert cleaned.is_set()


def test_a_host_coroutine_that_has_begun_already_is_found_too() -> None:
    async def work(future: asyncio.Future[object]) -> None:
        await future

    async def main() -> None:
        loop = asyncio.get_running_loop()
        never = loop.create_future()

        async def wait_here() -> None:
            await never

        promise = asyncio.run_coroutine_threadsafe(wait_here(), loop)
        await asyncio.sleep(0.01)

        async def there() -> None:
            await asyncio.wrap_future(promise)

        run_sync(there)

    with pytest.raises(CircularWaitError):
        asyncio.run(main())


def test_a_wait_for_a_loop_in_another_thread_is_no_circle() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def work() -> str:
        future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.3, "from there"), loop)
        return await asyncio.wrap_future(future)

    async def main() -> str:
        return run_sync(work)

    try:
        assert asyncio.run(main()) == "from there"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_a_call_in_a_module_body_that_imports_this_very_module_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "halfway.py").write_text(
        "from agent_runtime.bridge import run_sync\n"
        "async def work():\n"
        "    import halfway\n"
        "    return halfway.__name__\n"
        "try:\n"
        "    run_sync(work)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, 'import halfway' in str(error))\n"
    )
    child = run_child(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import halfway\n"
        "print(halfway.run_sync(halfway.work))"
    )

    assert child.check().lines == ["CircularWaitError True", "halfway"]


def test_a_timeout_ends_the_wait_also_when_the_loop_thread_is_blocked() -> None:
    go_on = threading.Event()

    async def block() -> None:
        go_on.wait(30)

    with Bridge() as bridge:
        with pytest.raises(TimeoutError) as caught:
            bridge.run_sync(block, timeout=0.2)
        go_on.set()

    assert "whose loop thread is busy in" in caught.value.__notes__[0]
    assert "block" in caught.value.__notes__[0]


def test_work_that_ignores_its_cancellation_is_named_and_left_behind() -> None:
    go_on = threading.Event()

    async def ignore() -> None:
        while not go_on.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    with pytest.raises(TimeoutError) as caught:
        run_sync(ignore, timeout=0.1)
    go_on.set()

    assert "still running: " in caught.value.__notes__[0]
    assert "ignore, waiting in" in caught.value.__notes__[0]


def test_a_closed_bridge_refuses_calls_and_cuts_off_those_in_flight() -> None:
    began = threading.Event()
    errors: list[BaseException] = []

    async def work() -> None:
        began.set()
        await asyncio.Event().wait()

    def call() -> None:
        try:
            bridge.run_sync(work)
        except BaseException as error:
            errors.append(error)

    bridge = Bridge(name="mine")
    thread = threading.Thread(target=call)
    thread.start()
    began.wait(10)
    bridge.close()
    bridge.close()
    thread.join(10)

    assert [type(error) for error in errors] == [BridgeClosedError]
    with pytest.raises(BridgeClosedError, match="'mine' is closed"):
        bridge.run_sync(work)


def test_a_bridge_runs_on_the_loop_that_its_factory_makes() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def look() -> tuple[str, str]:
        return type(asyncio.get_running_loop()).__module__, threading.current_thread().name

    with Bridge(loop_factory=uvloop.new_event_loop, name="mine") as bridge:
        assert bridge.run_sync(look) == ("uvloop", "mine")
    assert run_sync(look) != ("uvloop", "mine")


def test_two_bridges_that_call_each_other_do_not_wait_for_themselves() -> None:
    with Bridge() as other:

        async def bounce(depth: int) -> int:
            if depth == 0:
                return 0
            return 1 + (other.run_sync if depth % 2 else run_sync)(bounce, depth - 1)

        assert run_sync(bounce, 20) == 20
        assert other.run_sync(bounce, 20) == 20


def test_closing_a_bridge_from_its_own_work_is_refused() -> None:
    with Bridge() as bridge:

        async def close() -> None:
            bridge.close()

        with pytest.raises(RuntimeError, match="close it outside"):
            bridge.run_sync(close)


def test_a_bridge_whose_factory_fails_says_why_and_leaves_no_thread() -> None:
    def fail() -> asyncio.AbstractEventLoop:
        raise OSError(24, "Too many open files")

    before = threading.active_count()
    with Bridge(loop_factory=fail) as bridge, pytest.raises(OSError, match="Too many open files"):
        bridge.run_sync(asyncio.sleep, 0)

    assert threading.active_count() == before


def test_work_whose_wait_for_the_host_may_end_otherwise_is_not_refused() -> None:
    async def work(host: asyncio.AbstractEventLoop) -> str:
        promise = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), host))
        try:
            await asyncio.wait_for(promise, 0.5)
        except TimeoutError:
            return "went on without it"
        return "got it"

    async def main() -> str:
        return run_sync(work, asyncio.get_running_loop())

    assert asyncio.run(main()) == "went on without it"


def test_a_callback_with_an_empty_cell_on_the_host_loop_breaks_no_diagnosis() -> None:
    async def main() -> str:
        def with_empty_cell() -> object:
            return later

        asyncio.get_running_loop().call_soon(with_empty_cell)
        result = run_sync(asyncio.sleep, 0.3, "fine")
        later = None
        return result

    assert asyncio.run(main()) == "fine"


def test_work_that_ignores_the_closing_of_its_bridge_does_not_keep_its_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent_runtime.bridge.portal.CLOSE_LIMIT", 0.5)
    began, go_on = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    async def ignore() -> None:
        began.set()
        while not go_on.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    def call() -> None:
        try:
            bridge.run_sync(ignore)
        except BaseException as error:
            errors.append(error)

    bridge = Bridge(name="mine")
    thread = threading.Thread(target=call)
    thread.start()
    began.wait(10)
    bridge.close()
    thread.join(10)
    go_on.set()

    assert [type(error) for error in errors] == [BridgeClosedError]


@pytest.mark.parametrize("timeout", ["5", True, [1], float("nan")])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(timeout: float) -> None:
    with pytest.raises((TypeError, ValueError), match="write seconds"):
        run_sync(asyncio.sleep, 0, timeout=timeout)
