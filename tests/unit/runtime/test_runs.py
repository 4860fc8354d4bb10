"""What a run does when nothing goes wrong: order, values, conditions, records."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from agent_runtime import (
    Executor,
    RunResult,
    RunStatus,
    Runtime,
    RuntimeClosedError,
    StepState,
    load_workflow,
    run_workflow,
    run_workflow_async,
)

AnyFunction = Callable[..., object]


def same(x: object = None) -> object:
    return x


def by_function(text: str, **tools: AnyFunction) -> RunResult:
    return run_workflow(text, tools=tools)


def by_async_function(text: str, **tools: AnyFunction) -> RunResult:
    return asyncio.run(run_workflow_async(text, tools=tools))


def by_runtime(text: str, **tools: AnyFunction) -> RunResult:
    with Runtime(text, tools=tools) as runtime:
        return runtime.run()


def by_async_runtime(text: str, **tools: AnyFunction) -> RunResult:
    return asyncio.run(Runtime(text, tools=tools).run_async())


def by_executor(text: str, **tools: AnyFunction) -> RunResult:
    return Executor(load_workflow(text), tools=tools).run()


def by_async_executor(text: str, **tools: AnyFunction) -> RunResult:
    return asyncio.run(Executor(load_workflow(text), tools=tools).run_async())


EVERY_WAY = pytest.mark.parametrize(
    "way", [by_function, by_async_function, by_runtime, by_async_runtime, by_executor, by_async_executor]
)


@EVERY_WAY
def test_every_entry_point_returns_the_same_outputs(way: Callable[..., RunResult]) -> None:
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    text = (
        "name: twice\n"
        "steps:\n"
        "  - {id: b, tool: double, with: {x: '${steps.a.output}'}}\n"
        "  - {id: a, tool: same, with: {x: 21}}\n"
        "outputs: {answer: '${steps.b.output}', text: 'is ${steps.b.output}'}\n"
    )

    result = way(text, double=double, same=same)

    assert result.outputs == {"answer": 42, "text": "is 42"}
    assert result.status is RunStatus.SUCCEEDED
    assert result.workflow == "twice"
    assert list(result.steps) == ["b", "a"]


def test_without_declared_outputs_every_steps_output_is_returned() -> None:
    text = "steps:\n  - {id: a, tool: same, with: {x: 1}}\n  - {id: b, tool: same, needs: a}\n"

    assert by_function(text, same=same).outputs == {"a": 1, "b": None}


def test_steps_run_at_once_unless_they_wait_for_each_other() -> None:
    arrived: list[int] = []
    both = asyncio.Event()

    async def meet() -> None:
        arrived.append(1)
        if len(arrived) == 2:
            both.set()
        await asyncio.wait_for(both.wait(), 10)

    by_function("steps:\n  - {id: a, tool: meet}\n  - {id: b, tool: meet}\n", meet=meet)

    assert len(arrived) == 2


def test_step_waits_for_what_it_needs_and_for_what_it_refers_to() -> None:
    order: list[str] = []

    def note(x: str, y: object = None) -> None:
        order.append(x)

    text = (
        "steps:\n"
        "  - {id: c, tool: note, with: {x: c, y: '${steps.b.output}'}}\n"
        "  - {id: b, tool: note, with: {x: b}, needs: [a]}\n"
        "  - {id: d, tool: note, with: {x: d}, when: \"${steps.c.state == 'succeeded'}\"}\n"
        "  - {id: a, tool: note, with: {x: a}}\n"
    )

    by_function(text, note=note)

    assert order == ["a", "b", "c", "d"]


def test_step_whose_condition_is_false_is_skipped_and_its_output_is_null() -> None:
    text = (
        "steps:\n"
        "  - {id: a, tool: same, with: {x: 0}}\n"
        "  - {id: b, tool: boom, when: '${steps.a.output}'}\n"
        "  - {id: c, tool: same, with: {x: '${steps.b.output.deep[3]}'}}\n"
        "outputs: {b: '${steps.b.output}', c: '${steps.c.output}', state: '${steps.b.state}',\n"
        "  or: \"${steps.b.output or 'no'}\"}\n"
    )

    result = by_function(text, same=same, boom=lambda: 1 / 0)

    assert result.outputs == {"b": None, "c": None, "state": "skipped", "or": "no"}
    assert result.steps["b"].state is StepState.SKIPPED
    assert (result.steps["b"].attempts, result.steps["b"].thread) == (0, None)


def test_defaults_stand_for_inputs_that_are_not_given() -> None:
    text = (
        "inputs: {a: {type: integer, default: 7}, b: {type: string, required: false}, c: any}\n"
        "steps:\n  - {id: s, tool: same, with: {x: ['${inputs.a}', '${inputs.b}', '${inputs.c}']}}\n"
    )

    result = run_workflow(text, inputs={"c": 1}, tools={"same": same})

    assert result.outputs["s"] == [7, None, 1]


def test_arguments_are_fresh_for_every_run() -> None:
    def grow(x: list[int]) -> int:
        x.append(0)
        return len(x)

    runtime = Runtime("steps:\n  - {id: a, tool: grow, with: {x: [1]}}\n", tools={"grow": grow})

    assert [runtime.run().outputs["a"] for _ in range(3)] == [2, 2, 2]


def test_retry_tries_again_until_an_attempt_succeeds() -> None:
    tries: list[float] = []

    def flaky() -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise OSError("not yet")
        return "done"

    text = "steps:\n  - {id: a, tool: flaky, retry: {attempts: 3, backoff: 0.05}}\n"

    result = by_function(text, flaky=flaky)

    assert result.outputs["a"] == "done"
    assert result.steps["a"].attempts == 3
    assert tries[1] - tries[0] >= 0.05
    assert tries[2] - tries[1] >= 0.1


def test_record_names_the_thread_of_each_step() -> None:
    async def on_loop() -> str:
        return threading.current_thread().name

    def here() -> str:
        return threading.current_thread().name

    text = (
        "steps:\n"
        "  - {id: a, tool: on_loop}\n"
        "  - {id: b, tool: here}\n"
        "  - {id: c, tool: here, thread: worker}\n"
    )

    result = by_function(text, on_loop=on_loop, here=here)

    assert {step: record.thread for step, record in result.steps.items()} == result.outputs
    assert result.outputs["b"] == threading.current_thread().name
    assert len(set(result.outputs.values())) == 3


def test_record_has_the_times_of_each_step() -> None:
    before = time.time()

    record = by_function("steps:\n  - {id: a, tool: same}\n", same=same).steps["a"]

    assert before <= record.started <= record.ended <= time.time()


def test_plain_functions_of_an_async_run_share_one_thread_that_is_not_the_loops() -> None:
    idents: list[int] = []

    def note() -> None:
        idents.append(threading.get_ident())

    by_async_function("steps:\n" + "".join(f"  - {{id: s{n}, tool: note}}\n" for n in range(5)), note=note)

    assert len(set(idents)) == 1
    assert threading.get_ident() not in idents


def test_plain_function_that_returns_an_awaitable_is_awaited_on_the_loop() -> None:
    async def later() -> str:
        return threading.current_thread().name

    def make() -> Awaitable[str]:
        return later()

    text = "steps:\n  - {id: a, tool: later}\n  - {id: b, tool: make}\n"

    result = by_function(text, later=later, make=make)

    assert result.outputs["a"] == result.outputs["b"]


def test_each_step_has_its_own_copy_of_the_callers_context() -> None:
    request = contextvars.ContextVar("request", default="none")
    request.set("r-1")

    async def change(x: str, y: object = None) -> str:
        seen = request.get()
        request.set(x)
        return seen

    text = (
        "steps:\n"
        "  - {id: a, tool: change, with: {x: one}}\n"
        "  - {id: b, tool: change, with: {x: two}, needs: a}\n"
    )

    result = by_function(text, change=change)

    assert result.outputs == {"a": "r-1", "b": "r-1"}
    assert request.get() == "r-1"


def test_step_can_run_a_workflow_itself() -> None:
    inner = "steps:\n  - {id: i, tool: same, with: {x: 5}}\n"

    def nested() -> object:
        return run_workflow(inner, tools={"same": same}).outputs["i"]

    assert by_function("steps:\n  - {id: o, tool: nested}\n", nested=nested).outputs["o"] == 5


def test_executor_runs_plain_mappings_with_outputs_of_their_own() -> None:
    steps = [{"id": "a", "tool": "same", "with": {"x": "${inputs.n}"}}]

    result = Executor(steps, outputs={"n": "got ${steps.a.output}"}, tools={"same": same}).run({"n": 3})

    assert result.outputs == {"n": "got 3"}


def test_executor_runs_steps_that_are_parsed_already() -> None:
    workflow = load_workflow(
        "inputs: {n: integer}\nsteps:\n  - {id: a, tool: same, with: {x: '${inputs.n}'}}\n"
    )

    assert Executor(workflow.steps, tools={"same": same}).run({"n": 3}).outputs == {"a": 3}


def test_runtime_is_shared_by_threads_without_mixing_runs() -> None:
    text = (
        "inputs: {n: integer}\n"
        "steps:\n  - {id: a, tool: same, with: {x: '${inputs.n}'}}\n"
        "  - {id: b, tool: pause, with: {x: '${steps.a.output}'}}\n"
        "outputs: {n: '${steps.b.output}'}\n"
    )

    async def pause(x: int) -> int:
        await asyncio.sleep(0.001)
        return x

    got: dict[int, object] = {}
    runtime = Runtime(text, tools={"same": same, "pause": pause})
    threads = [
        threading.Thread(target=lambda n=n: got.__setitem__(n, runtime.run({"n": n}).outputs["n"]))
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert got == {n: n for n in range(40)}


def test_closed_runtime_refuses_to_run() -> None:
    runtime = Runtime("name: shut\nsteps:\n  - {id: a, tool: same}\n", tools={"same": same})
    with runtime:
        runtime.run()
    runtime.close()

    with pytest.raises(RuntimeClosedError, match="the runtime of workflow 'shut' is closed"):
        runtime.run()
    with pytest.raises(RuntimeClosedError):
        asyncio.run(runtime.run_async())
    with pytest.raises(RuntimeClosedError), runtime:
        pass


def test_later_changes_of_a_registry_do_not_reach_the_runtime() -> None:
    tools: dict[str, AnyFunction] = {"same": same}
    runtime = Runtime("steps:\n  - {id: a, tool: same, with: {x: 1}}\n", tools=tools)

    tools["same"] = lambda x: -x

    assert runtime.run().outputs["a"] == 1


def test_ten_thousand_steps_fan_out_and_in() -> None:
    async def count() -> int:
        return 1

    rows = "".join(f"  - {{id: s{n}, tool: count}}\n" for n in range(10_000))
    needs = ", ".join(f"s{n}" for n in range(10_000))

    result = by_function(f"steps:\n{rows}  - {{id: end, tool: count, needs: [{needs}]}}\n", count=count)

    assert sum(1 for output in result.outputs.values() if output == 1) == 10_001


def test_text_of_a_result_stays_short_however_much_comes_out() -> None:
    rows = "".join(f"  - {{id: s{n}, tool: t}}\n" for n in range(50))

    text = repr(by_runtime("name: wide\nsteps:\n" + rows, t=lambda: ["word" * 10_000] * 1_000))

    assert text.startswith("RunResult(outputs={'s0': ['wordword")
    assert "40 more" in text
    assert "workflow='wide'" in text
    assert "steps={'s0': StepRecord(id='s0'" in text
    assert len(text) < 50_000
