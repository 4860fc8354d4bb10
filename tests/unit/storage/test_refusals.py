"""What cannot be kept, or not be gone on with, ends in an error that says so."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable

import pytest

from agent_runtime import (
    IdempotencyError,
    MemoryStorage,
    NotStorableError,
    RunBusyError,
    RunExistsError,
    RunNotFoundError,
    Runtime,
    Storage,
    StorageError,
    WorkflowChangedError,
)
from agent_runtime.storage import Entry, RunState
from tests.helpers.counting import TWO, Counter, OwnError, state_of


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        pytest.param(("tool: count, with", "tool: count, timeout: 9, with"), True, id="a_time_limit"),
        pytest.param(("${steps.a.output}", "${steps.a.output or 1}"), True, id="a_reference"),
        pytest.param(("${steps.a.output}", "${ steps.a.output }"), False, id="blanks_in_a_reference"),
        pytest.param(("name: two", "# for us\nname:   two"), False, id="a_comment_and_blanks"),
        pytest.param(("name: two", "name: two\ndescription: new"), False, id="a_description"),
        pytest.param(("  - {id: b, tool: count,", "  - id: b\n    tool: count\n   "), None, id="layout"),
    ],
)
def test_a_run_is_resumed_by_the_workflow_that_it_was_begun_with(
    count: Counter, change: tuple[str, str], is_another: bool | None
) -> None:
    storage = MemoryStorage()
    text = TWO.replace(*change)
    if is_another is None:
        text = TWO.replace(
            '  - {id: b, tool: count, with: {value: "${steps.a.output}"}}',
            '  - id: b\n    tool: count\n    with:\n      value: "${steps.a.output}"',
        )
    count.fails_at = 2
    with pytest.raises(OwnError):
        Runtime(TWO, tools={"count": count}, storage=storage).run({"n": 1}, run_id="r")
    count.fails_at = None
    runtime = Runtime(text, tools={"count": count}, storage=storage)

    if is_another:
        with pytest.raises(WorkflowChangedError, match="has been changed since the run was begun"):
            runtime.resume("r")
    result = runtime.resume("r", allow_changes=bool(is_another))

    assert result.outputs == {"a": 2, "b": 3}


def test_a_run_of_another_workflow_is_refused(storage: Storage, count: Counter) -> None:
    Runtime(TWO, tools={"count": count}, storage=storage).run({"n": 1}, run_id="r")

    with pytest.raises(WorkflowChangedError, match="a run of workflow 'two', not 'other'"):
        Runtime(TWO.replace("two", "other"), tools={"count": count}, storage=storage).resume("r")


class Point:
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            {"days": [datetime.date(2024, 1, 1)]},
            r"the output of step 'a' cannot be stored: output\['days'\]\[0\] is datetime.date",
            id="a_date",
        ),
        pytest.param({1: "one"}, r"output has the key 1, which is int", id="a_number_as_key"),
        pytest.param(Point(), r"output is .*Point", id="an_object"),
        pytest.param({"x": {1, 2}}, r"output\['x'\] is set", id="a_set"),
        pytest.param(b"x", r"output is bytes", id="bytes"),
    ],
)
def test_an_output_that_cannot_be_kept_fails_by_the_name_of_its_step(
    storage: Storage, value: object, message: str
) -> None:
    runtime = Runtime(
        "steps:\n  - {id: a, function: give}\n", functions={"give": lambda: value}, storage=storage
    )

    with pytest.raises(NotStorableError, match=message) as caught:
        runtime.run(run_id="r")

    assert caught.value.step == "a"
    assert state_of(storage, "r") is RunState.FAILED


def test_an_input_that_cannot_be_kept_is_named_and_no_step_runs(storage: Storage, count: Counter) -> None:
    text = TWO.replace("n: integer", "n: any")
    runtime = Runtime(text, tools={"count": count}, storage=storage)

    with pytest.raises(NotStorableError, match=r"inputs\['n'\] is .*Point"):
        runtime.run({"n": Point()}, run_id="r")

    assert count.calls == []
    assert storage.load("r") is None


def test_later_steps_see_outputs_as_they_will_see_them_when_the_run_is_resumed(storage: Storage) -> None:
    seen: list[object] = []

    def take(x: object) -> None:
        seen.append(x)

    text = (
        "steps:\n  - {id: a, function: give}\n  - {id: b, function: take, with: {x: '${steps.a.output}'}}\n"
    )
    functions: dict[str, Callable[..., object]] = {
        "give": lambda: {"pair": (1, 2), "nan": float("inf")},
        "take": take,
    }

    Runtime(text, functions=functions, storage=storage).run()

    assert seen == [{"pair": [1, 2], "nan": float("inf")}]


def test_a_run_id_is_used_once(storage: Storage, count: Counter) -> None:
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    runtime.run({"n": 1}, run_id="r")

    with pytest.raises(RunExistsError, match=r"resume\(\) it, or give another run_id"):
        runtime.run({"n": 1}, run_id="r")
    with pytest.raises(RunNotFoundError, match="there is no run 'x' in"):
        runtime.resume("x")


class Broken(MemoryStorage):
    """Fails at its third write of a step, and not before."""

    def save(self, run_id: str, owner: str, entry: Entry) -> bool:
        if entry.step == "b":
            raise OSError("disk full")
        return super().save(run_id, owner, entry)


def test_a_storage_that_fails_stops_the_run_where_it_stands(count: Counter) -> None:
    storage = Broken()
    text = TWO.replace('"${inputs.n}"}}', '"${inputs.n}"}, compensate: {tool: count, with: {value: undo}}}')
    text += '  - {id: c, tool: count, with: {value: "${steps.b.output}"}}\n'

    with pytest.raises(StorageError, match=r"MemoryStorage\(\): OSError: disk full") as caught:
        Runtime(text, tools={"count": count}, storage=storage).run({"n": 1}, run_id="r")

    assert isinstance(caught.value.__cause__, OSError)
    assert count.calls == [1, 2]


def test_a_run_that_somebody_has_in_hand_is_not_resumed(storage: Storage) -> None:
    texts: list[str] = []

    async def go_on() -> None:
        with pytest.raises(RunBusyError) as caught:
            await asyncio.wait_for(asyncio.create_task(other.resume_async("r")), 20)
        texts.append(str(caught.value))

    text = "steps:\n  - {id: a, tool: go_on}\n"
    other = Runtime(text, tools={"go_on": go_on}, storage=storage)

    Runtime(text, tools={"go_on": go_on}, storage=storage).run(run_id="r")

    assert texts == ["run 'r' is in progress: this very call is made inside of it, and would wait for itself"]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        pytest.param({"run_id": ""}, ValueError, "1 to 200 printable characters", id="empty"),
        pytest.param({"run_id": "a\n"}, ValueError, "printable", id="not_printable"),
        pytest.param({"run_id": 3}, TypeError, "run_id= is a text, not int", id="a_number"),
        pytest.param({"idempotency_key": "k" * 201}, ValueError, "1 to 200", id="too_long"),
        pytest.param({"run_id": "a", "idempotency_key": "b"}, TypeError, "not both", id="both"),
    ],
)
def test_ids_and_keys_are_short_printable_texts(
    wrong: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Runtime(TWO, tools={"count": Counter()}, storage=MemoryStorage()).run({"n": 1}, **wrong)  # type: ignore[arg-type]  # that is the test


def test_what_needs_a_storage_says_so(count: Counter) -> None:
    runtime = Runtime(TWO, tools={"count": count})

    with pytest.raises(ValueError, match=r"idempotency_key= needs runs that are kept; pass storage="):
        runtime.run({"n": 1}, idempotency_key="k")
    with pytest.raises(ValueError, match=r"resume\(\) needs runs that are kept"):
        runtime.resume("r")
    with pytest.raises(TypeError, match=r"storage= is a storage, not str; pass SQLiteStorage\(path\)"):
        Runtime(TWO, tools={"count": count}, storage="runs.db")  # type: ignore[arg-type]  # that is the test


def test_a_key_stands_for_the_same_inputs(storage: Storage, count: Counter) -> None:
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    first = runtime.run({"n": 1}, idempotency_key="k")

    with pytest.raises(
        IdempotencyError, match=f"'k' belongs to run '{first.run_id}', which has other inputs"
    ):
        runtime.run({"n": 2}, idempotency_key="k")

    assert runtime.run({"n": 1}, idempotency_key="k") == first
    assert count.calls == [1, 2]
