"""One run as a stream of events: the run of ``execution``, driven by whoever asks for the next event."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import AsyncGenerator, Callable, Mapping

from agent_runtime.engine.event_buffer import Feed
from agent_runtime.engine.execution import Execution, Stop
from agent_runtime.engine.plan import Plan
from agent_runtime.engine.reader_thread import Turns
from agent_runtime.engine.steps import Surroundings
from agent_runtime.outcomes import Outcome
from agent_runtime.results.events import StreamEvent
from agent_runtime.results.run_result import RunResult

__all__ = ("StreamedExecution",)


class StreamedExecution(Execution):
    """A run whose events one reader reads, on one loop.

    Args:
        plan: what to run.
        inputs: the run's inputs.
        around: what its steps share.
        context: whose variables the steps see; by default those of the one that makes this.
        in_turn: whether plain functions run on the reader's own thread.
        on_end: called when nothing of the run is in progress any more, read or not; once or twice.

    Attributes:
        outcome: what the run came to; there when :meth:`events` has come to its end.
    """

    _feed: Feed

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, object],
        around: Surroundings,
        *,
        context: contextvars.Context | None,
        in_turn: bool,
        on_end: Callable[[], None],
    ) -> None:
        feed = Feed(around.run_id, self._wake_reader)
        self._turns = Turns(around.offload, self._is_waiting) if in_turn else None
        around = around._replace(
            on_token=feed.token,
            tool_events=feed,
            on_warning=feed.warning,
            offload=self._turns or around.offload,
        )
        super().__init__(plan, inputs, around, feed=feed, context=context)
        self._on_end = on_end
        self._asked = False
        self._timer: asyncio.TimerHandle | None = None
        self._gone = False
        self.outcome: Outcome[RunResult] | None = None

    async def events(
        self, on_begin: Callable[[Stop], None], limit: float | None
    ) -> AsyncGenerator[StreamEvent, None]:
        """Run the workflow and give its events as they come; closing this cancels the run and waits for it.

        The run goes on while nobody asks for the next event, but not far: see ``AHEAD``.

        Args:
            on_begin: as for ``execute``.
            limit: seconds until the run is cancelled and its outcome is a TimeoutError. A timer of the
                loop and no ``asyncio.timeout``: each event may be asked for by another task.

        Raises:
            CancelledError: the reader was cancelled while it waited; every step has cleaned up.
        """
        feed = self._feed
        feed.run_started(self._plan.workflow.name)
        try:
            self._context.run(on_begin, self._cut_off)
            self._look_up()
            self._begin()
            if limit is not None:
                self._timer = self._loop.call_later(limit, self._expire, limit)
            while feed or self._running:
                if feed:
                    yield self._next_event()
                else:
                    await self._news()
            self.outcome = self._conclude(Outcome())
            self._tell_end(self.outcome)
            yield feed.take()
        finally:
            await self._leave()

    def _next_event(self) -> StreamEvent:
        event = self._feed.take()
        while self._held and not self._feed.is_full:
            self._start(self._held.popleft())
        return event

    async def _news(self) -> None:
        """Wait until there is an event, or nothing runs any more."""
        self._asked = True
        if self._turns is not None:
            self._turns.look()
        try:
            await self._quiet
        except GeneratorExit:
            self._gone = True
            raise
        finally:
            self._asked = False
        self._quiet = self._loop.create_future()

    def _start(self, number: int) -> None:
        if self._feed.is_full:
            self._held.append(number)
        else:
            super()._start(number)

    def _stop(self) -> None:
        self._feed.widen()
        super()._stop()

    def _is_waiting(self) -> bool:
        return self._asked and not self._quiet.done()

    def _wake_reader(self) -> None:
        if not self._quiet.done():
            self._quiet.set_result(None)

    def _fall_quiet(self) -> None:
        if not self._held:
            self._end()
        super()._fall_quiet()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._on_end()

    def _expire(self, limit: float) -> None:
        name = self._plan.workflow.name
        self._cut_off(TimeoutError(f"workflow '{name}' was cancelled after {limit:g} s"))

    def _tell_end(self, outcome: Outcome[RunResult]) -> None:
        if outcome.error is not None:
            self._feed.run_failed(self._around.texts_of(outcome.error))
        elif outcome.value is not None:
            self._feed.run_finished(outcome.value)

    async def _leave(self) -> None:
        """See the run to its end; where that has come already, only tidy up."""
        self._feed.close()
        left = bool(self._running or self._held)
        if left and self._overrun is None and not self._loop.is_closed():
            self._interrupt()
        try:
            if left and not self._gone:  # once it is gone, nothing can be awaited
                self._quiet = self._loop.create_future()
                again = await self._until_quiet()
                if not isinstance(sys.exception(), asyncio.CancelledError):
                    again.unwrap()  # else the first cancellation comes out
            else:
                self._end_reports()
        finally:
            self._end()
            if self._turns is not None:
                self._turns.close()
            unread, self._failure = self._failure, None
            if unread is not None and not self._closed:
                self._log_lost("a step", unread.error)
