"""The events of a streamed run on their way to its reader, in bounded number; on one loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from agent_runtime.results.events import (
    RunFailed,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepFinished,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepWaiting,
    StreamEvent,
    TokenReceived,
    ToolCalled,
    ToolReturned,
    WarningIssued,
)
from agent_runtime.results.run_result import Question, RunResult, StepRecord, StepState
from agent_runtime.results.warning_codes import WarningCode

__all__ = ("AHEAD", "Feed", "Told")

Told = tuple[str, str]

AHEAD = 64
"""Events that a run may be ahead of its reader; a guess. A reader that is away stops the run soon: with
so many unread, no further step starts, none is tried again, and no token is taken from a client. What is
in progress ends, so that there may be a few more."""


class Feed:
    """A queue between the engine's callbacks, which never wait, and one reader.

    Args:
        run_id: the run, for the events.
        on_news: called whenever an event has been put.
    """

    __slots__ = ("_events", "_on_news", "_waiting", "_wide", "run_id")

    def __init__(self, run_id: str, on_news: Callable[[], object]) -> None:
        self.run_id = run_id
        self._on_news: Callable[[], object] | None = on_news
        self._events: deque[StreamEvent] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._wide = False

    def __len__(self) -> int:
        return len(self._events)

    @property
    def is_full(self) -> bool:
        """Whether the reader has to come first."""
        return len(self._events) >= AHEAD and not self._wide

    def put(self, event: StreamEvent) -> None:
        """Add an event, however many there are; once the feed is closed, drop it."""
        if self._on_news is not None:
            self._events.append(event)
            self._on_news()

    def take(self) -> StreamEvent:
        """Remove the oldest event; whoever waits for room may go on."""
        event = self._events.popleft()
        if not self.is_full:
            self._let_go(1)
        return event

    def widen(self) -> None:
        """Keep nobody waiting any more: the run is being stopped, and the reader may not come back."""
        self._wide = True
        self._let_go(len(self._waiting))

    def close(self) -> None:
        """Drop all events: the reader has left, or has read them."""
        self._on_news = None  # it leads back to the run, which holds this
        self._events.clear()
        self.widen()

    async def token(self, step: str, text: str) -> None:
        """Add a piece of an answer, as soon as there is room."""
        await self._room()
        self.put(TokenReceived(self.run_id, time.time(), step, text))

    async def tool_called(self, step: str, tool: str, call_id: str, arguments: str) -> None:
        """Add that a model has called a tool, as soon as there is room."""
        await self._room()
        self.put(ToolCalled(self.run_id, time.time(), step, tool, call_id, arguments))

    async def tool_returned(self, step: str, tool: str, call_id: str, content: str, *, failed: bool) -> None:
        """Add what a model is told of a tool, as soon as there is room."""
        await self._room()
        self.put(ToolReturned(self.run_id, time.time(), step, tool, call_id, content, failed))

    async def retrying(self, step: str, told: Told, *, attempt: int, delay: float) -> None:
        """Add that an attempt has failed, as soon as there is room.

        It gets texts: who awaits this must not hold an exception whose traceback leads back here.
        """
        await self._room()
        self.put(StepRetrying(self.run_id, time.time(), step, *told, attempt, delay))

    def warning(self, step: str, code: WarningCode, message: str) -> None:
        """Add that something is not as it should be; at once, for a callback that cannot wait."""
        self.put(WarningIssued(self.run_id, time.time(), step, code, message))

    async def begin(self, step: str) -> None:
        """Add that a step begins that belongs to another one, as soon as there is room."""
        await self._room()
        self.step_started(step)

    def step_started(self, step: str) -> None:
        """Add that a step's turn has come."""
        self.put(StepStarted(self.run_id, time.time(), step))

    def step_ended(self, record: StepRecord, output: object) -> None:
        """Add that a step has ended well, was skipped, or has failed and the run goes on."""
        if record.state is StepState.SKIPPED:
            self.put(StepSkipped(self.run_id, record.ended, record.id, record))
        elif record.state is StepState.FAILED:
            fault = record.faults[-1]
            self.step_failed(record.id, (fault.error_type, fault.error), record.attempts)
        else:
            self.put(StepFinished(self.run_id, record.ended, record.id, output, record))

    def step_cancelled(self, step: str) -> None:
        """Add that a step has cleaned up after its cancellation."""
        self.put(StepCancelled(self.run_id, time.time(), step))

    def step_waiting(self, step: str, question: Question) -> None:
        """Add that a step waits for somebody's decision."""
        self.put(StepWaiting(self.run_id, time.time(), step, *question))

    def step_failed(self, step: str, told: Told, attempts: int) -> None:
        """Add that a step has failed for good."""
        self.put(StepFailed(self.run_id, time.time(), step, *told, attempts))

    def run_started(self, workflow: str) -> None:
        """Add that the run has begun."""
        self.put(RunStarted(self.run_id, time.time(), workflow))

    def run_finished(self, result: RunResult) -> None:
        """Add that the run has succeeded."""
        self.put(RunFinished(self.run_id, time.time(), result))

    def run_failed(self, told: Told) -> None:
        """Add that the run has failed."""
        self.put(RunFailed(self.run_id, time.time(), *told))

    async def _room(self) -> None:
        while self.is_full:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._let_go(1)  # the room that this one had been given is somebody else's
                raise

    def _let_go(self, count: int) -> None:
        while count > 0 and self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                count -= 1
