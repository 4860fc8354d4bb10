"""S12: whatever goes on after its cancellation is reported by name, and the TimeoutError comes out anyway."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from agent_runtime import Runtime, StepTimeoutError
from agent_runtime.engine.steps import ignored_cancellation

ONE = "name: lazy\nsteps:\n  - {id: a, tool: t}\n"


class OwnError(Exception):
    pass


async def stubborn() -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(0.02)
    return "late"


LIMITED = pytest.mark.parametrize(
    "limited",
    [
        pytest.param(lambda runtime: runtime.run(timeout=0.02), id="sync"),
        pytest.param(lambda runtime: asyncio.run(runtime.run_async(timeout=0.02)), id="async"),
    ],
)


@LIMITED
def test_step_that_swallows_the_time_limit_of_its_run_is_named(
    limited: Callable[[Runtime], object], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TimeoutError, match="workflow 'lazy'"):
        limited(Runtime(ONE, tools={"t": stubborn}))

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("agent_runtime", logging.WARNING)
    said = re.fullmatch(
        r"workflow 'lazy': step 'a' swallowed its cancellation and went on for ([0-9.]+) s",
        record.getMessage(),
    )
    assert said is not None
    assert float(said[1]) >= 0.015


@LIMITED
def test_step_that_goes_on_is_named_again_and_again(
    limited: Callable[[Runtime], object],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ignored_cancellation, "PATIENCE", 0.01)

    async def cleans_up_until_noticed() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            while "has not ended" not in caplog.text:
                await asyncio.sleep(0.001)

    with pytest.raises(TimeoutError):
        limited(Runtime(ONE, tools={"t": cleans_up_until_noticed}))

    assert "workflow 'lazy': step 'a' has not ended 0." in caplog.text
    assert "swallowed" not in caplog.text


def test_five_of_many_steps_that_go_on_are_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignored_cancellation, "PATIENCE", 0.01)

    async def cleans_up_until_noticed() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            while "have not ended" not in caplog.text:
                await asyncio.sleep(0.001)

    steps = "".join(f"  - {{id: s{n}, tool: t}}\n" for n in range(9))
    with pytest.raises(TimeoutError):
        Runtime(f"steps:\n{steps}", tools={"t": cleans_up_until_noticed}).run(timeout=0.02)

    assert "step 's0', step 's1', step 's2', step 's3', step 's4' and 4 more have not ended" in caplog.text


def test_step_that_swallows_the_failure_of_another_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise OwnError

    with pytest.raises(OwnError):
        Runtime(ONE + "  - {id: b, tool: fail}\n", tools={"t": stubborn, "fail": fail}).run()

    assert "workflow 'lazy': step 'a' swallowed its cancellation" in caplog.text


def test_step_that_swallows_its_own_time_limit_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StepTimeoutError):
        Runtime(ONE.replace("}", ", timeout: 0.02}"), tools={"t": stubborn}).run()

    assert "workflow 'lazy': step 'a' swallowed its cancellation and went on for 0.0" in caplog.text


def test_step_that_has_ended_before_it_could_be_cancelled_is_not_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def succeed() -> None:
        pass

    async def fail() -> None:
        raise OwnError

    with pytest.raises(OwnError):
        Runtime(ONE + "  - {id: b, tool: fail}\n", tools={"t": succeed, "fail": fail}).run()

    assert not caplog.records


@pytest.mark.parametrize("where", ["caller", "worker"])
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(Runtime.run, id="sync"),
        pytest.param(lambda runtime: asyncio.run(runtime.run_async()), id="async"),
    ],
)
def test_plain_function_that_goes_on_is_named(
    where: str, way: Callable[[Runtime], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignored_cancellation, "WORTH_SAYING", 0.0)
    monkeypatch.setattr(ignored_cancellation, "PATIENCE", 0.01)
    began, release = threading.Event(), threading.Event()
    said: SimpleQueue[str] = SimpleQueue()

    class Notice(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.put(record.getMessage())

    def hold() -> None:
        began.set()
        release.wait(10)

    async def fail() -> None:
        while not began.is_set():
            await asyncio.sleep(0.001)
        raise OwnError

    notice = Notice()
    logging.getLogger("agent_runtime").addHandler(notice)
    text = ONE.replace("}", f", thread: {where}}}") + "  - {id: b, tool: fail}\n"
    try:
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(way, Runtime(text, tools={"t": hold, "fail": fail}))
            if (where, way) == ("caller", Runtime.run):  # else the run, and its loop, may end at once
                assert said.get(timeout=10).startswith("workflow 'lazy': step 'a' has not ended 0.")
            else:
                assert isinstance(run.exception(10), OwnError)
            release.set()

            assert isinstance(run.exception(10), OwnError)
            while "went on for 0." not in (last := said.get(timeout=10)):
                pass
            assert last.startswith("workflow 'lazy': step 'a' went on for 0.")
    finally:
        release.set()
        logging.getLogger("agent_runtime").removeHandler(notice)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(9.48e-05, "0.000 s"), (0.0234567, "0.023 s"), (1.0, "1.00 s"), (5.004, "5.00 s"), (1234.5, "1234 s")],
)
def test_time_is_written_for_people(
    seconds: float, written: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignored_cancellation, "WORTH_SAYING", 0.0)
    loop = asyncio.new_event_loop()
    said = ignored_cancellation.Overrun(loop, "lazy", list, lambda step, what: None)
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)
    monkeypatch.setattr(said, "_began", now - seconds)

    said.returned("a")
    said.end()
    loop.close()

    assert f"went on for {written} after" in caplog.text
