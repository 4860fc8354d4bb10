"""Each runtime's own way of writing the three workflows, as its documentation shows it."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

from benchmarks.runtimes.model import STEPS, Call, Entry, Rival, Shape

__all__ = ("RIVALS",)


@contextmanager
def _ours(shape: Shape, entry: Entry) -> Iterator[Call]:
    from agent_runtime import Runtime

    def needs(number: int) -> str:
        return f", needs: s{number - 1}" if number and shape is Shape.CHAIN else ""

    if shape is Shape.BRANCH:
        rows = [
            "  - {id: choose, KIND: noop}",
            "  - {id: one, KIND: noop, when: '${steps.choose.output == null}'}",
            "  - {id: other, KIND: noop, when: '${steps.choose.output != null}'}",
        ]
    else:
        rows = [f"  - {{id: s{number}, KIND: noop{needs(number)}}}" for number in range(STEPS)]
    text = "steps:\n" + "\n".join(rows) + "\n"
    if entry is Entry.ASYNC:
        runtime = Runtime(text.replace("KIND", "tool"), tools={"noop": _noop_async})
        yield runtime.run_async
    else:
        runtime = Runtime(text.replace("KIND", "function"), functions={"noop": _noop})
        yield (
            runtime.run if entry is Entry.SCRIPT else functools.partial(runtime.run, on_running_loop="allow")
        )


def _noop() -> None:
    """Do nothing."""


async def _noop_async() -> None:
    """Do nothing."""


@contextmanager
def _langgraph(shape: Shape, entry: Entry) -> Iterator[Call]:
    from langgraph.graph import END, START, StateGraph

    def step(_state: Any) -> dict[str, object]:
        return {}

    async def async_step(_state: Any) -> dict[str, object]:
        return {}

    node = async_step if entry is Entry.ASYNC else step
    graph: Any = StateGraph(TypedDict("State", {"value": int}))  # type: ignore[operator]  # made here, for here
    names = ("choose", "one", "other") if shape is Shape.BRANCH else tuple(f"s{n}" for n in range(STEPS))
    for name in names:
        graph.add_node(name, node)
    if shape is Shape.BRANCH:
        graph.add_edge(START, "choose")
        graph.add_conditional_edges("choose", lambda _state: "one", ["one", "other"])
        ends: tuple[str, ...] = ("one", "other")
    elif shape is Shape.CHAIN:
        for before, name in zip((START, *names), names, strict=False):
            graph.add_edge(before, name)
        ends = names[-1:]
    else:
        for name in names:
            graph.add_edge(START, name)
        ends = names
    for name in ends:
        graph.add_edge(name, END)
    compiled = graph.compile()
    config = {"recursion_limit": 10 * STEPS}
    yield functools.partial(
        compiled.ainvoke if entry is Entry.ASYNC else compiled.invoke, {"value": 1}, config
    )


@contextmanager
def _pydantic_graph(shape: Shape, entry: Entry) -> Iterator[Call]:
    from pydantic_graph import GraphBuilder, StepContext, reduce_null

    async def step(context: object) -> int:
        return 1

    async def many(context: object) -> list[int]:
        return list(range(STEPS))

    # It evaluates annotations where this module's names are known, and not those of this function.
    step.__annotations__ = {"context": StepContext[None, None, Any], "return": int}
    many.__annotations__ = {"context": StepContext[None, None, Any], "return": list[int]}
    builder: Any = GraphBuilder(output_type=int)
    if shape is Shape.CHAIN:
        steps = [builder.step(step, node_id=f"s{number}") for number in range(STEPS)]
        for before, after in zip((builder.start_node, *steps), (*steps, builder.end_node), strict=True):
            builder.add_edge(before, after)
    elif shape is Shape.FAN_OUT:
        first, each = builder.step(many, node_id="many"), builder.step(step, node_id="each")
        join = builder.join(reduce_null, initial=None)
        builder.add_edge(builder.start_node, first)
        builder.add_mapping_edge(first, each)
        builder.add_edge(each, join)
        builder.add_edge(join, builder.end_node)
    else:
        choose, one, other = (builder.step(step, node_id=name) for name in ("choose", "one", "other"))
        decision = (
            builder.decision()
            .branch(builder.match(int, matches=lambda value: value == 1).to(one))
            .branch(builder.match(int, matches=lambda value: value != 1).to(other))
        )
        builder.add_edge(builder.start_node, choose)
        builder.add(builder.edge_from(choose).to(decision))
        builder.add(builder.edge_from(one, other).to(builder.end_node))
    graph = builder.build()
    yield graph.run if entry is Entry.ASYNC else graph.run_sync


@contextmanager
def _haystack(shape: Shape, entry: Entry) -> Iterator[Call]:
    import os

    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack import Pipeline, component

    @component
    class Step:
        @component.output_types(value=int)
        def run(self, value: int) -> dict[str, int]:
            return {"value": value}

        @component.output_types(value=int)
        async def run_async(self, value: int) -> dict[str, int]:
            return {"value": value}

    @component
    class Choose:
        @component.output_types(one=int, other=int)
        def run(self, value: int) -> dict[str, int]:
            return {"one": value}

        @component.output_types(one=int, other=int)
        async def run_async(self, value: int) -> dict[str, int]:
            return {"one": value}

    pipeline: Any = Pipeline(max_runs_per_component=10 * STEPS)
    names = ("one", "other") if shape is Shape.BRANCH else tuple(f"s{number}" for number in range(STEPS))
    for name in names:
        pipeline.add_component(name, Step())
    given: dict[str, dict[str, int]] = {"s0": {"value": 1}}
    if shape is Shape.BRANCH:
        pipeline.add_component("choose", Choose())
        for name in names:
            pipeline.connect(f"choose.{name}", f"{name}.value")
        given = {"choose": {"value": 1}}
    elif shape is Shape.CHAIN:
        for before, name in itertools.pairwise(names):
            pipeline.connect(f"{before}.value", f"{name}.value")
    else:
        given = {name: {"value": 1} for name in names}
    yield functools.partial(pipeline.run_async if entry is Entry.ASYNC else pipeline.run, given)


@contextmanager
def _llama_index(shape: Shape, entry: Entry) -> Iterator[Call]:
    from workflows import Context, Workflow, step
    from workflows.events import Event, StartEvent, StopEvent

    if shape is Shape.FAN_OUT:

        class Task(Event):
            pass

        class Done(Event):
            pass

        class FanOut(Workflow):
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> Task | None:
                for _ in range(STEPS):
                    ctx.send_event(Task())
                return None

            @step(num_workers=STEPS)
            async def each(self, ctx: Context, ev: Task) -> Done:
                return Done()

            @step
            async def end(self, ctx: Context, ev: Done) -> StopEvent | None:
                done = ctx.collect_events(ev, [Done] * STEPS)
                return None if done is None else StopEvent()

        made: type[Workflow] = FanOut
    else:
        made = _llama_chain(2 if shape is Shape.BRANCH else STEPS, branches=shape is Shape.BRANCH)
    workflow = made(timeout=None)

    async def run() -> object:
        return await workflow.run()

    yield run if entry is Entry.ASYNC else lambda: asyncio.run(run())


def _llama_chain(count: int, *, branches: bool) -> Any:
    """Make the class of a chain: a step for each event, which gives the next; a branch gives one of two."""
    from workflows import Workflow, step
    from workflows.events import Event, StartEvent, StopEvent

    kinds = [StartEvent, *(type(f"Event{number}", (Event,), {}) for number in range(1, count)), StopEvent]
    other = type("Other", (Event,), {})

    def made(name: str, takes: type[Event], gives: type[Event], more: type[Event] | None = None) -> Any:
        async def one(_self: object, ev: object) -> object:
            return gives()

        one.__name__, one.__qualname__ = name, f"Chain.{name}"
        one.__annotations__ = {"ev": takes, "return": gives if more is None else gives | more}
        return step(one)

    steps = {
        f"step{number}": made(f"step{number}", takes, gives, other if branches and number == 0 else None)
        for number, (takes, gives) in enumerate(itertools.pairwise(kinds))
    }
    if branches:
        steps["otherwise"] = made("otherwise", other, StopEvent)
    return type("Chain", (Workflow,), steps)


RIVALS: dict[str, Rival] = {
    rival.key: rival
    for rival in (
        Rival("ours", "agent_runtime", "agent-runtime", "agent_runtime", _ours),
        Rival("langgraph", "LangGraph", "langgraph", "langgraph", _langgraph),
        Rival("pydantic_graph", "pydantic-graph", "pydantic-graph", "pydantic_graph", _pydantic_graph),
        Rival("haystack", "Haystack", "haystack-ai", "haystack", _haystack),
        Rival("llama_index", "LlamaIndex workflows", "llama-index-workflows", "workflows", _llama_index),
    )
}
