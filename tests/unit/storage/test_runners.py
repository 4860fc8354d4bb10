"""Of several runners, in threads and in processes, one does a run; the others wait for it or are refused."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent_runtime import LeaseLostError, MemoryStorage, RunBusyError, Runtime, Storage
from agent_runtime.storage import RunState, StoredRun
from tests.helpers.children import ROOT, run_child
from tests.helpers.counting import TWO, Counter, state_of

LIMIT = 60.0

CALLER = """
import os, sys, time
from agent_runtime import Runtime, SQLiteStorage

folder, callers = sys.argv[1], int(sys.argv[2])
TEXT = "name: once\\nsteps:\\n  - {id: a, function: work}\\n"

def note(line):
    file = os.open(os.path.join(folder, "book"), os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{line}\\n".encode())

def times(line):
    with open(os.path.join(folder, "book")) as file:
        return file.read().splitlines().count(line)

def work():
    note("begin")
    while times("arrived") < callers:
        time.sleep(0.01)
    if len(sys.argv) > 3 and times("begin") == 1:
        time.sleep(0.2)  # so that the others wait
        os.kill(os.getpid(), 9)
    return os.getpid()

storage = SQLiteStorage(os.path.join(folder, "runs.db"), synchronous="normal")
note("arrived")
print(Runtime(TEXT, functions={"work": work}, storage=storage).run(idempotency_key="k").outputs["a"])
storage.close()
"""


def callers(folder: Path, count: int, *more: str) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CALLER, str(folder), str(count), *more]
    return [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(count)]


def test_processes_that_call_with_one_key_get_the_result_of_one_run(tmp_path: Path) -> None:
    processes = callers(tmp_path, 3)

    printed = {process.communicate(timeout=LIMIT)[0] for process in processes}

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(printed) == 1
    assert (tmp_path / "book").read_text().splitlines().count("begin") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lease of a killed process has to run out")
def test_who_waits_for_a_process_that_is_killed_goes_on_with_its_run(tmp_path: Path) -> None:
    processes = callers(tmp_path, 2, "killed")

    printed = [process.communicate(timeout=LIMIT)[0] for process in processes]

    assert sorted(process.returncode for process in processes) == [-9, 0]
    assert sorted(map(bool, printed)) == [False, True]
    assert (tmp_path / "book").read_text().splitlines().count("begin") == 2


def test_threads_that_call_with_one_key_get_the_result_of_one_run(storage: Storage) -> None:
    count = Counter()
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)

    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda _: runtime.run({"n": 1}, idempotency_key="k", timeout=LIMIT), range(8))
        )

    assert results == results[:1] * 8
    assert count.calls == [1, 2]


def test_tasks_of_one_loop_that_call_with_one_key_get_the_result_of_one_run(storage: Storage) -> None:
    count = Counter()
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)

    async def main() -> list[str]:
        runs = (runtime.run_async({"n": 1}, idempotency_key="k") for _ in range(5))
        return [result.run_id for result in await asyncio.gather(*runs)]

    assert len(set(asyncio.run(main()))) == 1
    assert count.calls == [1, 2]


class Blocker:
    """A tool that blocks the loop the first time, for as long as a lease lasts and longer."""

    def __init__(self) -> None:
        self.calls = 0
        self.go_on = threading.Event()

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls == 1:
            self.go_on.wait(LIMIT)
        return self.calls


def test_who_has_lost_the_lease_stops_and_keeps_nothing() -> None:
    storage, block = MemoryStorage(lease=0.2), Blocker()
    text = "steps:\n  - {id: a, tool: block}\n  - {id: b, tool: block, needs: a}\n"
    runtime = Runtime(text, tools={"block": block}, storage=storage)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(runtime.run, run_id="r")
        deadline = time.monotonic() + LIMIT
        while (run := storage.load("r")) is None or block.calls == 0 or run.lease_left > 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)

        result = asyncio.run(runtime.resume_async("r"))
        block.go_on.set()

        with pytest.raises(LeaseLostError, match="others may have gone on with the run"):
            first.result(LIMIT)
    assert result.outputs == {"a": 2, "b": 3}
    assert block.calls == 3
    assert state_of(storage, "r") is RunState.SUCCEEDED
    assert len(storage.entries("r")) == 2


def test_a_lease_is_renewed_as_long_as_the_run_goes_on() -> None:
    storage = MemoryStorage(lease=0.3)
    renewals: list[float] = []

    async def work() -> None:
        before, deadline = 0.0, time.monotonic() + LIMIT
        while len(renewals) < 3 and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            run = storage.load("r")
            assert run is not None
            if run.lease_left > before:
                renewals.append(run.lease_left)
            before = run.lease_left

    Runtime("steps:\n  - {id: a, tool: work}\n", tools={"work": work}, storage=storage).run(run_id="r")

    assert len(renewals) == 3  # the first of them is the lease itself
    assert state_of(storage, "r") is RunState.SUCCEEDED


def test_a_run_in_progress_is_not_resumed(storage: Storage) -> None:
    block = Blocker()
    text = "steps:\n  - {id: a, function: block}\n"

    def wait() -> None:
        block.calls += 1
        block.go_on.wait(LIMIT)

    runtime = Runtime(text, functions={"block": wait}, storage=storage)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(runtime.run, run_id="r")
        deadline = time.monotonic() + LIMIT
        while not block.calls:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            with pytest.raises(RunBusyError, match=r"process \d+ has it, with .* s left"):
                runtime.resume("r")
        finally:
            block.go_on.set()
        first.result(LIMIT)


def test_a_run_does_not_wait_for_itself(storage: Storage) -> None:
    def call_again() -> None:
        runtime.run(idempotency_key="k")

    text = "steps:\n  - {id: a, function: call_again}\n"
    runtime = Runtime(text, functions={"call_again": call_again}, storage=storage)

    with pytest.raises(RunBusyError, match="would wait for itself"):
        runtime.run(idempotency_key="k", timeout=LIMIT)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_signal_handler_does_not_wait_for_the_run_that_it_interrupts_but_runs_others(
    tmp_path: Path,
) -> None:
    child = run_child(
        """
        import signal, sys, threading
        from agent_runtime import RunBusyError, Runtime, SQLiteStorage

        TEXT = "steps:\\n  - {id: a, function: work}\\n"
        seen = []

        def work():
            if not seen:
                signal.raise_signal(signal.SIGUSR1)
            return len(seen)

        def handle(*_):
            seen.append(1)
            try:
                runtime.run(idempotency_key="k")
            except RunBusyError:
                seen.append("refused")
            seen.append(runtime.run(idempotency_key="other").outputs["a"])

        signal.signal(signal.SIGUSR1, handle)
        storage = SQLiteStorage(sys.argv[1], synchronous="normal")
        runtime = Runtime(TEXT, functions={"work": work}, storage=storage)
        print(runtime.run(idempotency_key="k").outputs, seen)
        storage.close()
        """,
        arguments=(str(tmp_path / "runs.db"),),
    ).check()

    assert child.lines == ["{'a': 3} [1, 'refused', 2]"]


@pytest.mark.skipif(sys.platform == "win32", reason="os.fork() is POSIX's")
def test_a_forked_child_uses_the_storage_at_once_and_so_does_its_parent(tmp_path: Path) -> None:
    child = run_child(
        """
        import os, sys, warnings
        from agent_runtime import Runtime, SQLiteStorage

        warnings.simplefilter("ignore")
        storage = SQLiteStorage(sys.argv[1], synchronous="normal")
        text = "steps:\\n  - {id: a, function: pid}\\n"
        runtime = Runtime(text, functions={"pid": os.getpid}, storage=storage)
        runtime.run(idempotency_key="before")
        process = os.fork()
        if not process:
            runtime.run(idempotency_key="child")
            os._exit(0)
        runtime.run(idempotency_key="parent")
        assert os.waitpid(process, 0)[1] == 0
        of_child = runtime.run(idempotency_key="child").outputs["a"]
        print(of_child == process, len(storage.runs()))
        storage.close()
        """,
        arguments=(str(tmp_path / "runs.db"),),
    ).check()

    assert child.lines == ["True 3"]


def test_runs_of_other_processes_are_kept_where_a_map_sends_them(tmp_path: Path) -> None:
    child = run_child(
        """
        import sys
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context
        from agent_runtime import Runtime, SQLiteStorage

        if __name__ == "__main__":
            storage = SQLiteStorage(sys.argv[1], synchronous="normal")
            runtime = Runtime("inputs: {n: integer}\\nsteps:\\n  - {id: a, function: neg, with: {x: 1}}\\n",
                              functions={"neg": dict}, storage=storage)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                print([run.result.outputs for run in runtime.map([{"n": 1}, {"n": 2}], executor=pool)])
            print(sorted(run.inputs for run in storage.runs()))
            storage.close()
        """,
        arguments=(str(tmp_path / "runs.db"),),
        limit=LIMIT,
    ).check()

    assert child.lines == ["[{'a': {'x': 1}}, {'a': {'x': 1}}]", """['{"n": 1}', '{"n": 2}']"""]


def test_a_kept_run_leaves_nothing_for_the_collector(storage: Storage) -> None:
    runtime = Runtime(TWO, tools={"count": Counter()}, storage=storage)
    for _ in range(3):
        runtime.run({"n": 1})
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            runtime.run({"n": 1})
        deadline = time.monotonic() + LIMIT
        while (left := gc.collect()) > 10 and time.monotonic() < deadline:
            runtime.run({"n": 1})  # the last one's loop may still have been tidying up
    finally:
        gc.enable()

    assert left <= 10


def test_a_call_that_gives_up_while_it_takes_a_run_gives_it_back() -> None:
    class Slow(MemoryStorage):
        def create(self, run: StoredRun, owner: str, seconds: float) -> bool:
            created = super().create(run, owner, seconds)
            created_now.set()
            assert go_on.wait(LIMIT)
            return created

    created_now, go_on = threading.Event(), threading.Event()
    storage = Slow()
    runtime = Runtime(TWO, tools={"count": Counter()}, storage=storage)

    async def main() -> None:
        task = asyncio.create_task(runtime.run_async({"n": 1}, run_id="r"))
        await asyncio.to_thread(created_now.wait, LIMIT)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert state_of(storage, "r") is RunState.INTERRUPTED
    assert runtime.resume("r").outputs == {"a": 2, "b": 3}


def test_a_reader_who_leaves_a_stream_leaves_the_run_to_be_resumed(storage: Storage) -> None:
    runtime = Runtime(TWO, tools={"count": Counter()}, storage=storage)
    events = runtime.stream({"n": 1}, run_id="r")
    next(events)

    events.close()

    assert state_of(storage, "r") is RunState.INTERRUPTED
    assert runtime.resume("r").outputs == {"a": 2, "b": 3}
