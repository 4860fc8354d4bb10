"""Runs in the processes of a pool that nobody wants any more are cancelled there, and clean up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.pools import told

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_leaving_the_loop_cancels_the_runs_in_the_workers_and_they_clean_up(
    method: str, tmp_path: Path
) -> None:
    notes, left = told(
        f"""
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = {str(tmp_path)!r}
        inputs = ({{"number": n, "folder": folder}} for n in range(9))
        with pool({method!r}) as workers:
            runs = runtime_of("hold", "folder").map(inputs, executor=workers, concurrency=2)
            next(runs)
            runs.close()
        tell([sorted(os.listdir(folder)), os.listdir(tempfile.tempdir)])
    """
    )

    began = {int(note.split()[1]) for note in notes if note.startswith("began")}
    cleaned = {int(note.split()[1]) for note in notes if note.startswith("cleaned")}
    assert {0, 1} <= began <= {0, 1, 2}
    assert cleaned == began - {0}
    assert left == []


def test_run_that_waits_for_a_worker_when_the_map_is_left_never_begins() -> None:
    notes = told(
        """
    with tempfile.TemporaryDirectory() as folder:
        inputs = ({"number": n, "folder": folder} for n in range(1, 9))
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as workers:
            runtime = runtime_of("hold", "folder")
            def close_soon():
                yield from inputs
            import threading, time
            def close():
                while not os.path.exists(f"{folder}/began 1"):
                    time.sleep(0.01)
                runtime.close()
            threading.Thread(target=close).start()
            try:
                list(runtime.map(close_soon(), executor=workers, concurrency=4))
            except RuntimeClosedError:
                pass
        tell(sorted(os.listdir(folder)))
    """
    )

    assert notes == ["began 1", "cleaned 1"]


def test_failure_cancels_the_runs_after_it_in_their_workers() -> None:
    error, notes = told(
        """
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(
            "inputs: {number: {type: any}, folder: {type: any}}\\n"
            "steps:\\n"
            "  - {id: a, tool: hold, when: '${inputs.number != 0}',\\n"
            "     with: {number: '${inputs.number}', folder: '${inputs.folder}'}}\\n"
            "  - {id: b, function: wait_and_fail, when: '${inputs.number == 0}',\\n"
            "     with: {number: '${inputs.number}', folder: '${inputs.folder}'}}\\n",
            tools={"hold": portable.hold}, functions={"wait_and_fail": portable.wait_and_fail},
        )
        with pool() as workers:
            try:
                inputs = ({"number": n, "folder": folder} for n in range(2))
                list(runtime.map(inputs, executor=workers, concurrency=2))
            except ValueError as error:
                said = str(error)
        tell([said, sorted(os.listdir(folder))])
    """
    )

    assert error == "0 is refused"
    assert notes == ["began 1", "cleaned 1"]


def test_one_run_is_cancelled_by_its_id_in_whichever_worker_it_is() -> None:
    errors, outputs = told(
        """
    import threading, time
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(
            "inputs: {question: {type: string}}\\n"
            "steps:\\n"
            "  - {id: ask, agent: {messages: [{role: user, content: '${inputs.question}'}]}}\\n",
            llm=portable.Slow(folder),
        )
        def cancel():
            while not os.path.exists(f"{folder}/slow"):
                time.sleep(0.01)
            tell_id = open(f"{folder}/slow").read()
            assert runtime.cancel(tell_id)
        threading.Thread(target=cancel).start()
        with pool() as workers:
            inputs = [{"question": "slow"}, {"question": "fast"}, {"question": "fast"}]
            runs = list(runtime.map(inputs, executor=workers, on_error="collect"))
        tell([
            [type(run.error).__name__ for run in runs],
            [run.outputs["ask"]["content"] for run in runs if run.error is None],
        ])
    """
    )

    assert errors == ["RunCancelledError", "NoneType", "NoneType"]
    assert outputs == ["yes", "yes"]


def test_kept_run_that_is_left_can_be_resumed() -> None:
    states, outputs = told(
        """
    from agent_runtime.storage import RunState
    with tempfile.TemporaryDirectory() as folder:
        with SQLiteStorage(f"{folder}/runs.db") as storage:
            text = (
                "inputs: {number: {type: any}, folder: {type: any}}\\n"
                "steps:\\n"
                "  - {id: a, tool: hold, with: {number: '${inputs.number}', folder: '${inputs.folder}'}}\\n"
            )
            runtime = Runtime(text, tools={"hold": portable.hold}, storage=storage)
            inputs = ({"number": n, "folder": folder} for n in range(2))
            with pool() as workers:
                runs = runtime.map(inputs, executor=workers, concurrency=2)
                next(runs)
                runs.close()
            (left,) = storage.runs(RunState.INTERRUPTED)
            states = sorted(run.state for run in storage.runs())
            again = Runtime(text, tools={"hold": portable.count_on}, storage=storage)
            tell([states, again.resume(left.id).outputs["a"]])
    """
    )

    assert states == ["interrupted", "succeeded"]
    assert outputs == 2


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_workers_whose_host_is_killed_cancel_their_runs_and_clean_up(method: str) -> None:
    notes = told(
        f"""
    import signal, time

    def wait_for(names):
        until = time.monotonic() + 30
        while not names <= set(os.listdir(folder)):
            assert time.monotonic() < until, os.listdir(folder)
            time.sleep(0.01)

    with tempfile.TemporaryDirectory() as folder:
        host = os.fork()
        if not host:
            for descriptor in (1, 2):  # the workers outlive it, and nobody is to wait for what they print
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
            inputs = ({{"number": n, "folder": folder}} for n in range(1, 9))
            make = functools.partial(pool, {method!r})
            list(runtime_of("hold", "folder").map(inputs, executor=make, concurrency=2))
        wait_for({{"began 1", "began 2"}})
        os.kill(host, signal.SIGKILL)
        os.waitpid(host, 0)
        try:
            wait_for({{"cleaned 1", "cleaned 2"}})
        finally:
            for number in (1, 2):  # they wait for work for ever, as the workers of any such pool do
                try:
                    os.kill(int(open(f"{{folder}}/began {{number}}").read()), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        tell(sorted(os.listdir(folder)))
    """
    )

    assert notes == ["began 1", "began 2", "cleaned 1", "cleaned 2"]
