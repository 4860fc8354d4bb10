"""Runtime.map() over workers of executors: what crosses, what comes back, what a killed worker costs."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import pytest

from agent_runtime import MemoryStorage, NotPortableError, Options, Runtime, ScriptedClient
from tests.helpers.pools import run, told

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals, and forks")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_runs_are_done_in_the_workers_of_a_pool_of_any_start_method(method: str) -> None:
    found = told(
        f"""
    with pool({method!r}) as workers:
        runs = list(runtime_of("square").map([{{"number": n}} for n in range(6)], executor=workers))
        where = list(runtime_of("process").map([{{"number": n}} for n in range(6)], executor=workers))
    tell([
        [run.outputs["step"] for run in runs],
        os.getpid() in {{run.outputs["step"] for run in where}},
        [run.result.steps["step"].attempts for run in runs],
    ])
    """
    )

    assert found == [[0, 1, 4, 9, 16, 25], False, [1] * 6]


def test_exception_of_a_worker_comes_back_with_its_cause_its_notes_and_where_it_was_raised() -> None:
    found = told(
        """
    try:
        list(runtime_of("fail").map([{"number": 7}], executor=pool))
    except ValueError as error:
        own, remote = error.__notes__
        tell([str(error), repr(error.__cause__), error.__suppress_context__, own, remote])
    """
    )

    assert found[:4] == ["7 is refused", "KeyError(7)", True, "ask again"]
    assert found[4].startswith("on process ")
    assert "portable.py" in found[4]
    assert "in fail" in found[4]


def test_exception_that_cannot_be_pickled_comes_back_as_texts() -> None:
    found = told(
        """
    (run,) = runtime_of("fail_oddly").map([{"number": 7}], executor=pool, on_error="collect")
    tell([type(run.error).__name__, run.error.error_type, str(run.error)])
    """
    )

    assert found == ["RemoteError", "OddError", "OddError: odd (7)"]


def test_result_that_cannot_be_pickled_is_named() -> None:
    found = told(
        """
    (run,) = runtime_of("give_back_a_lock").map([{"number": 7}], executor=pool, on_error="collect")
    tell([type(run.error).__name__, str(run.error)])
    """
    )

    assert found[0] == "NotPortableError"
    assert found[1].startswith("the output 'step' cannot be sent to another process: TypeError")
    assert found[1].endswith("give it back as plain data")


def test_inputs_that_cannot_be_pickled_are_one_runs_own_failure() -> None:
    found = told(
        """
    inputs = [{"number": 1}, {"number": lambda: 1}, {"number": 2}]
    runs = list(runtime_of("square").map(inputs, executor=pool, on_error="collect"))
    tell([None if run.error is None else str(run.error) for run in runs])
    """
    )

    assert found[0] is found[2] is None
    assert "the input 'number' cannot be sent to another process: it is a lambda" in found[1]


class Connected(ScriptedClient):
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = threading.Lock()


def test_everything_that_cannot_cross_is_named_before_anything_runs() -> None:
    def inner() -> None: ...

    called = []
    runtime = Runtime(
        """
        steps:
          - {id: a, function: f}
          - {id: b, tool: t}
        """,
        functions={"f": lambda: called.append(1)},
        tools={"t": inner},
        llm=Connected(),
        options=Options(random=lambda: 0.5),
        storage=MemoryStorage(),
    )

    with pytest.raises(NotPortableError) as caught:
        runtime.map([None], executor=_never_made)

    function, tool, client, option, storage = caught.value.problems
    assert function == (
        "the function 'f' cannot be sent to another process: it is a lambda; write a def at the top level of"
        " a module"
    )
    assert "the tool 't' cannot be sent" in tool
    assert "it is defined inside test_everything_that_cannot_cross_is_named_before_anything_runs()" in tool
    assert "LLM client" in client
    assert "__getstate__" in client
    assert option.startswith("Options(random=...) cannot be sent to another process: it is a lambda")
    assert storage.endswith("a MemoryStorage is this process's own; use SQLiteStorage(path)")
    assert called == []


def _never_made() -> Any:
    raise AssertionError("no executor is needed")


def test_killed_worker_loses_nothing_and_nothing_that_has_ended_is_done_again() -> None:
    begun, ended, results, submissions = told(
        """
    with tempfile.TemporaryDirectory() as folder:
        inputs = ({"number": n, "folder": folder, "fatal": 13} for n in range(40))
        runs = list(runtime_of("die_once", "folder", "fatal").map(inputs, executor=pool, concurrency=6))
        def count(name):
            return len(open(f"{folder}/{name}").readlines())
        tell([
            [count(n) for n in range(40)],
            [count(f"{n} done") for n in range(40)],
            [run.outputs["step"] for run in runs],
            [run.submissions for run in runs],
        ])
    """
    )

    assert results == list(range(40))
    assert begun[13] == 2
    assert all(one >= 1 for one in ended)
    again = {n for n in range(40) if submissions[n] > 1}
    assert 13 in again
    assert len(again) <= 6
    assert all(begun[n] == ended[n] == 1 for n in range(40) if n not in again)


def test_run_that_kills_its_worker_each_time_is_reported_and_no_other_run_pays_for_it() -> None:
    errors, submissions, causes = told(
        """
    with tempfile.TemporaryDirectory() as folder:
        inputs = ({"number": n, "folder": folder, "fatal": 5} for n in range(20))
        runs = list(runtime_of("die", "folder", "fatal").map(
            inputs, executor=pool, concurrency=4, on_error="collect",
        ))
        tell([
            {run.index: str(run.error) for run in runs if run.error is not None},
            max(run.submissions for run in runs),
            [type(run.error.__cause__).__name__ for run in runs if run.error is not None],
        ])
    """
    )

    assert errors == {"5": "the run was given to a worker 3 times, and the worker ended before the run did"}
    assert submissions == 3
    assert causes == ["BrokenProcessPool"]


def test_pool_of_the_hosts_own_that_breaks_says_which_inputs_were_in_progress() -> None:
    given, lost, begun, cause = told(
        """
    given = []
    with tempfile.TemporaryDirectory() as folder, pool() as workers:
        inputs = ({"number": n, "folder": folder, "fatal": 9} for n in range(1000))
        try:
            for run in runtime_of("die", "folder", "fatal").map(
                inputs, executor=workers, concurrency=3, on_error="collect",
            ):
                given.append(run.index)
        except ExecutorBrokenError as error:
            tell([given, error.lost, error.begun, type(error.__cause__).__name__])
    """
    )

    assert 9 in lost
    assert sorted([*given, *lost]) == list(range(begun))
    assert begun <= 9 + 2 * 3 + 1
    assert cause == "BrokenProcessPool"


def test_run_that_is_kept_is_gone_on_with_where_its_worker_was_killed() -> None:
    first, second, results, submissions = told(
        """
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(
            "inputs: {number: {type: any}, folder: {type: any}, fatal: {type: any}}\\n"
            "steps:\\n"
            "  - id: one\\n"
            "    function: noted\\n"
            "    with: {number: '${inputs.number}', folder: '${inputs.folder}'}\\n"
            "  - id: two\\n"
            "    function: die_once\\n"
            "    needs: one\\n"
            "    with: {number: '${inputs.number}', folder: '${inputs.folder}', fatal: '${inputs.fatal}'}\\n",
            functions={"noted": portable.noted, "die_once": portable.die_once},
            storage=SQLiteStorage(f"{folder}/runs.db", lease=2.0),
        )
        inputs = ({"number": n, "folder": folder, "fatal": 2} for n in range(6))
        runs = list(runtime.map(inputs, executor=pool, concurrency=2))
        def count(name):
            return len(open(f"{folder}/{name}").readlines())
        tell([
            [count(f"noted {n}") for n in range(6)],
            count(2),
            [run.outputs["two"] for run in runs],
            runs[2].submissions,
        ])
    """
    )

    assert results == list(range(6))
    # A pool that has lost one worker ends the others as well, wherever they stand: a step of theirs that has
    # ended, and is not stored yet, is done again. That of the run which died later was stored.
    assert first[2] == 1
    assert set(first) <= {1, 2}
    assert second == 2
    assert submissions == 2


def test_ctrl_c_drops_what_runs_in_workers_and_ends_the_map() -> None:
    child = run(
        """
    import signal, time
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        def inputs():
            for n in range(100):
                yield {"number": n, "folder": folder}
        import threading
        def press():
            while not os.path.exists(f"{folder}/1"):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=press).start()
        try:
            list(runtime_of("wait_for", "folder").map(inputs(), executor=pool, concurrency=2))
        except KeyboardInterrupt:
            tell("interrupted")
        open(f"{folder}/go", "w").close()
        for child in multiprocessing.active_children():
            child.join(20)
        tell(sorted(os.listdir(folder)))
    """
    ).check()

    assert [json.loads(line) for line in child.lines] == ["interrupted", ["0", "1", "go"]]


def test_async_variant_leaves_the_loop_free_while_workers_start_and_work() -> None:
    ticks, results = told(
        """
    import asyncio
    async def main():
        ticks = 0
        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1
        ticker = asyncio.create_task(tick())
        inputs = [{"number": n} for n in range(5)]
        make = functools.partial(pool, "spawn")
        runs = [run async for run in runtime_of("square").map_async(inputs, executor=make)]
        ticker.cancel()
        return ticks, [run.outputs["step"] for run in runs]
    tell(asyncio.run(main()))
    """
    )

    assert results == [0, 1, 4, 9, 16]
    assert ticks >= 20
