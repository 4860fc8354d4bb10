"""Steps that are done more than once: for each item of a list, or time after time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any, cast

from agent_runtime.engine.batches import BatchRun
from agent_runtime.engine.plan import PlainRun, Ready, StepPlan
from agent_runtime.engine.scope import NOTHING, StepValues
from agent_runtime.engine.step_run import StepRun
from agent_runtime.engine.task_group import Crew
from agent_runtime.errors import RepeatLimitError
from agent_runtime.expressions import Reference, Root, is_true, render
from agent_runtime.outcomes import Outcome, acapture
from agent_runtime.results.run_result import StepFault
from agent_runtime.workflow.model import AtMax, Repeat

__all__ = ("MAX_ITEMS", "ItemsRun", "RepeatRun")

MAX_ITEMS = 1_000_000
"""Items of one step: as much memory as their outputs take is needed, and a range may be of any length."""


class _Items(Crew[list[object]]):
    """A step for each of these items, a bounded number of them at once; the outputs keep their order."""

    def __init__(self, run: ItemsRun, body: StepPlan, items: Sequence[object], concurrency: int) -> None:
        super().__init__(run.around, run.feed, step=run.step)
        self._run = run
        self._body = body
        self._items = items
        self._concurrency = concurrency
        self._next = 0
        self._outputs: list[object] = [None] * len(items)
        self.faults: list[StepFault] = []
        self._batches = body.batched and self._may_batch
        self._is_batching = False

    def _begin(self) -> None:
        if self._batches:
            self._begin_batch()
            return
        for _ in range(min(self._concurrency, len(self._items))):
            self._go_on(self._next)

    def _go_on(self, number: int) -> None:  # noqa: ARG002 - whichever has ended, the next one comes
        if self._batches:
            self._begin_batch()
            return
        index = self._next
        while self._doomed is not None and index < len(self._items) and self._is_shut(self._path(index)):
            index += 1
        if index == len(self._items):
            return
        self._next = self._run.attempts = index + 1
        run = self._body.run(*self.step_of(index), self._around, self._feed)
        self._launch(index, run, f"{self._body.name}[{index}]")

    def step_of(self, number: int) -> tuple[StepPlan, str, StepValues]:
        """Return the step for an item, what it is called in this run, and what its references see."""
        path = self._path(number)
        item = {Root.ITEM: self._items[number], Root.INDEX: number}
        return self._body, path, self._run.values.within(path, item)

    def _begin_batch(self) -> None:
        """Call the function for one item after another; again, if it had to be left for others."""
        if self._is_batching or self._next == len(self._items):
            return
        self._is_batching = True
        first = self._next_ready()
        self._launch(first.number, BatchRun(self, first, self._around), f"{self._body.name}[{first.number}]")

    def _next_ready(self) -> Ready:
        ready = Ready(self._next, time.time())
        self._next = self._run.attempts = ready.number + 1
        return ready

    def next_after(self, number: int, run: PlainRun, value: object) -> Ready | None:
        """Note what the function has given for an item and return the next one; on its thread."""
        if self._overrun is not None or self._next == len(self._items):
            return None
        self._succeeded(number, run, value)
        return self._next_ready()

    def batch_is_over(self) -> None:
        """Begin another batch, unless as much is awaited as may be of what functions return; on the loop."""
        self._is_batching = False
        if len(self._running) < self._concurrency:
            self._begin_batch()

    def _pass_over(self) -> None:
        self._go_on(self._next)

    def _path(self, index: int) -> str:
        return f"{self._run.step}[{index}]"

    def _succeeded(self, number: int, run: PlainRun, value: object) -> None:
        self._outputs[number] = value
        self.faults += (fault._replace(item=number) for fault in run.faults)
        run.tell_end(Outcome(value), stopped=False)

    def _make_result(self) -> list[object]:
        return self._outputs


class ItemsRun(StepRun):
    """A step with ``for_each``; its output is the list of theirs."""

    __slots__ = ()

    async def _done(self) -> Outcome[object]:
        each, body = self.plan.step.for_each, self.plan.body
        assert each is not None
        assert body is not None
        items = render(each.items, self.values)
        if isinstance(items, str | bytes | bytearray) or not isinstance(items, Sequence):
            assert isinstance(each.items, Reference)
            reason = f"'for_each' takes an array, and this is {type(items).__name__}"
            raise self.values.failed(each.items, reason)
        if len(items) > MAX_ITEMS:
            assert isinstance(each.items, Reference)
            raise self.values.failed(each.items, f"it has {len(items)} items, and {MAX_ITEMS} is the most")
        crew = _Items(self, body, tuple(items), each.concurrency)
        outcome = await crew.work()
        self.spend(crew.usage)
        if outcome.error is None:
            self.undo, self.faults = tuple(crew.undo), tuple(crew.faults)
        return cast("Outcome[object]", outcome)


class _Times(Crew[object]):
    """A step that is done again and again, each time when the time before has ended."""

    def __init__(self, run: RepeatRun, body: StepPlan, repeat: Repeat) -> None:
        super().__init__(run.around, run.feed, step=run.step)
        self._run = run
        self._body = body
        self._repeat = repeat
        self._output: object = NOTHING

    def _begin(self) -> None:
        if self._is_wanted(0):
            self._start(0)

    def _go_on(self, number: int) -> None:
        if self._is_wanted(number + 1):
            self._start(number + 1)

    def _is_wanted(self, index: int) -> bool:
        """Whether there is to be a further time.

        Raises:
            RepeatLimitError: there should be, and it would be one too many.
        """
        repeat = self._repeat
        if repeat.until is not None and index and is_true(render(repeat.until, self._values(index - 1))):
            return False
        if repeat.while_ is not None and not is_true(render(repeat.while_, self._values(index))):
            return False
        if index < repeat.max:
            return True
        if repeat.at_max is AtMax.END or (repeat.until is None and repeat.while_ is None):
            return False
        raise RepeatLimitError(self._run.step, repeat.max, "while" if repeat.until is None else "until")

    def _values(self, index: int) -> StepValues:
        path = f"{self._run.step}[{index}]"
        return self._run.values.within(path, {Root.INDEX: index, Root.OUTPUT: self._output})

    def _start(self, index: int) -> None:
        path = f"{self._run.step}[{index}]"
        if self._doomed is not None and self._is_shut(path):
            return
        self._run.attempts = index + 1
        run = self._body.run(self._body, path, self._values(index), self._around, self._feed)
        self._launch(index, run, f"{self._body.name}[{index}]")

    def _work_of(self, run: PlainRun) -> Coroutine[Any, Any, Outcome[object]]:
        work = super()._work_of(run)
        if self._run.attempts == 1 or not self._repeat.delay:
            return work
        journal = self._around.journal
        return work if journal is not None and journal.has_ended(run.step) else self._later(work)

    async def _later(self, work: Coroutine[Any, Any, Outcome[object]]) -> Outcome[object]:
        waited = await acapture(asyncio.sleep(self._repeat.delay))
        if waited.error is not None:
            work.close()
            return Outcome(error=waited.take_error())
        return await work

    def _succeeded(self, number: int, run: PlainRun, value: object) -> None:  # noqa: ARG002 - the latest counts
        self._output = value
        self._run.thread = run.thread
        run.tell_end(Outcome(value), stopped=False)

    def _make_result(self) -> object:
        return None if self._output is NOTHING else self._output


class RepeatRun(StepRun):
    """A step with ``repeat``; its output is that of the last time."""

    __slots__ = ()

    async def _done(self) -> Outcome[object]:
        repeat, body = self.plan.step.repeat, self.plan.body
        assert repeat is not None
        assert body is not None
        crew = _Times(self, body, repeat)
        outcome = await crew.work()
        self.spend(crew.usage)
        if outcome.error is None:
            self.undo = tuple(crew.undo)
        return outcome
