"""S11: who looks where a call stands may fail to see it, and that changes nothing for the call."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime.bridge import hostloop, run_sync
from agent_runtime.errors import BlockedLoopWarning, CircularWaitError, StalledCallWarning
from tests.helpers.freeing import let_owners_free


def no_look(*_args: object, **_options: object) -> Any:
    raise LookupError("nothing to be seen")


async def work(seconds: float = 0.3) -> str:
    await asyncio.sleep(seconds)
    return "well"


def on_a_loop(function: Callable[[], Any]) -> Any:
    """Call a function where a loop runs, as asyncio.run() does but without its looks."""

    async def main() -> Any:
        return function()

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param(sys, "_current_frames", id="stacks"),
        pytest.param(asyncio, "all_tasks", id="tasks"),
    ],
)
def test_report_of_a_stall_comes_without_what_cannot_be_seen(
    module: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, no_look)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", StalledCallWarning)
        outcome = on_a_loop(lambda: run_sync(work, 0.5, stall_timeout=0.1))

    assert outcome == "well"
    assert [warning.category for warning in caught] == [StalledCallWarning]


def test_deadline_and_circles_are_noticed_where_stacks_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "_current_frames", no_look)
    stop = threading.Event()

    async def block_the_loop_thread() -> None:
        stop.wait(1)

    async def ask(host: asyncio.AbstractEventLoop) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), host))

    with pytest.raises(TimeoutError):
        run_sync(block_the_loop_thread, timeout=0.1)
    with pytest.raises(CircularWaitError), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the coroutine that nobody has run
        on_a_loop(lambda: run_sync(ask, asyncio.get_running_loop()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        let_owners_free(bool)  # that coroutine is the loop thread's


def test_warning_that_cannot_be_shown_leaves_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.05)

    with warnings.catch_warnings():
        warnings.simplefilter("always", BlockedLoopWarning)
        monkeypatch.setattr(warnings, "showwarning", no_look)
        monkeypatch.setattr(warnings, "_showwarnmsg_impl", no_look)
        assert on_a_loop(lambda: run_sync(work, 0.1)) == "well"


def test_code_whose_module_has_no_name_gets_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.05)
    scope: dict[str, Any] = {"__name__": None, "run_sync": run_sync, "work": work}
    exec("def call(): return run_sync(work, 0.1)", scope)  # as a template engine does

    assert on_a_loop(scope["call"]) == "well"


def test_function_that_does_not_tell_its_name_is_called_like_any_other() -> None:
    class Nameless:
        async def __call__(self) -> str:
            return await work(0.01)

        def __getattr__(self, name: str) -> object:
            raise LookupError(name)

    assert run_sync(Nameless()) == "well"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGUSR1 of POSIX")
@pytest.mark.parametrize("forgets", [False, True], ids=["frame_kept", "frame_deleted"])
def test_what_a_signal_handler_raises_during_a_look_comes_out(
    forgets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(_signum: int, frame: object) -> None:
        if forgets:
            del frame
        raise LookupError("the handler's own")

    def look() -> Any:
        signal.raise_signal(signal.SIGUSR1)

    monkeypatch.setattr(sys, "_current_frames", look)
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(LookupError, match="the handler's own"):
            run_sync(work, 5)
    finally:
        signal.signal(signal.SIGUSR1, before)
