"""What all steps of one run share, and the protocols of what it is made of."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from agent_runtime.engine.steps.callee import Callee
from agent_runtime.engine.steps.offload import Offload
from agent_runtime.engine.steps.reply import Reply
from agent_runtime.engine.steps.trace import Trace
from agent_runtime.errors import RecordedFailureError
from agent_runtime.expressions import Values
from agent_runtime.llm.client import LLM
from agent_runtime.outcomes import Outcome, capture, texts_of
from agent_runtime.results.usage import Price
from agent_runtime.results.warning_codes import WarningCode

if TYPE_CHECKING:
    from agent_runtime.memory import RunConversations
    from agent_runtime.secrets import RunSecrets

__all__ = (
    "Agent",
    "Journal",
    "OnToken",
    "OnWarning",
    "Surroundings",
    "ToolEvents",
    "ToolResult",
    "Tracing",
    "inherited_tracer",
)

R = TypeVar("R", bound="ToolResult")

OnToken = Callable[[str, str], Awaitable[None]]
OnWarning = Callable[[str, WarningCode, str], None]

_NOTHING: Mapping[str, object] = {}


def _no_chance() -> float:
    return 0.0


@runtime_checkable
class Journal(Protocol):
    """What is kept of a run, where it is kept, for the steps that it consists of.

    Attributes:
        paused: whether the run stops where it stands, to be resumed: nothing is undone.
    """

    paused: bool

    def has_ended(self, step: str) -> bool:
        """Whether a step had ended before the run was resumed."""

    def decision(self, step: str) -> Mapping[str, object] | None:
        """Return what has been decided on a step, if it has been."""

    def order_of(self, step: str) -> int:
        """Return a number that counts up from one ended step to the next."""

    def attempts(self, step: str) -> int:
        """Return how many attempts of a step with steps inside are over."""

    def failure_of(self, step: str) -> tuple[str, str] | None:
        """Return why a step had failed for good, if it had."""

    def undoing(self, step: str | None) -> tuple[str, str] | None:
        """Return why what has succeeded inside a step is being undone, if it is; None for the run."""

    async def begin_attempt(self, step: str, attempt: int) -> None:
        """Keep that a step with steps inside is tried once more."""

    async def begin_fallback(self, step: str, fault: tuple[str, str]) -> None:
        """Keep that a step has failed for good."""

    async def kept(
        self, run: Trace, inside: str | None, because: Mapping[str, object] | None
    ) -> Outcome[object]:
        """Do a step and keep how it has ended; if that had been kept before, do nothing."""


@runtime_checkable
class ToolEvents(Protocol):
    """Who is told of the tools that agents call; each waits until there is room for the news."""

    async def tool_called(self, step: str, tool: str, call_id: str, arguments: str) -> None:
        """Tell that a model has called a tool."""

    async def tool_returned(self, step: str, tool: str, call_id: str, content: str, *, failed: bool) -> None:
        """Tell what the model is told of it."""


@runtime_checkable
class ToolResult(Protocol):
    """What a model is told of a call of a tool."""

    @property
    def content(self) -> str:
        """Return the text."""

    @property
    def fault(self) -> str | None:
        """Return what kind of mistake it tells of; None if it is none."""


@runtime_checkable
class Tracing(Protocol):
    """What a run tells of itself where a trace is asked for; each of these passes on what it is given."""

    def step(
        self, run: Trace, work: Coroutine[Any, Any, Outcome[object]]
    ) -> Coroutine[Any, Any, Outcome[object]]:
        """Carry out a step."""

    def attempt(
        self, run: Trace, work: Coroutine[Any, Any, Outcome[Outcome[object]]]
    ) -> Coroutine[Any, Any, Outcome[Outcome[object]]]:
        """Carry out one attempt of a step."""

    def model(
        self,
        question: Mapping[str, object],
        around: Surroundings,
        trace: Trace,
        work: Coroutine[Any, Any, Outcome[Reply]],
    ) -> Coroutine[Any, Any, Outcome[Reply]]:
        """Put a question to a language model."""

    def tool(
        self, trace: Trace, call_id: str, around: Surroundings, work: Coroutine[Any, Any, Outcome[R]]
    ) -> Coroutine[Any, Any, Outcome[R]]:
        """Carry out a call of a tool; ``trace`` names the tool, if there is one."""

    def warned(self, step: str, code: WarningCode) -> None:
        """Note a warning with its step, if this is called inside of that."""

    def offload(self, offload: Offload) -> Offload:
        """Return the same ways off the loop."""


inherited_tracer: contextvars.ContextVar[object | None] = contextvars.ContextVar(
    "agent_runtime.inherited_tracer", default=None
)
"""Who is told of a run that a step of a traced run begins."""


class Surroundings(NamedTuple):
    """What all steps of one run share.

    Attributes:
        workflow_id: for the LLM client.
        workflow_name: for the LLM client.
        run_id: for the LLM client.
        functions: the registered functions.
        tools: the registered tools.
        llm: the LLM client.
        offload: the ways off the event loop.
        loop_thread: name of the thread that the event loop runs on.
        on_token: told of each piece of an answer, with the step's id, where somebody reads them.
        random: gives numbers from 0 to 1.
        workflows: what ``workflow`` steps may run; the engine knows what they are.
        journal: what is kept of the run, where it is kept; the engine knows what it is.
        depth: how many ``workflow`` steps these steps stand inside of.
        secrets: the values of the secrets that the run may use; None if there are none.
        tool_events: told of each call of a tool, where somebody reads them.
        on_warning: told of what no other event says, with the step's id, where somebody reads them.
        conversations: those of this run, if its agents have any.
        prices: of models, where the host has given any.
        tracing: told of what happens, where a trace is asked for.
    """

    workflow_id: str
    workflow_name: str
    run_id: str
    functions: Mapping[str, Callee]
    tools: Mapping[str, Callee]
    llm: LLM
    offload: Offload
    loop_thread: str
    on_token: OnToken | None = None
    random: Callable[[], float] = _no_chance
    workflows: Mapping[str, object] = _NOTHING
    journal: Journal | None = None
    depth: int = 0
    secrets: RunSecrets | None = None
    tool_events: ToolEvents | None = None
    on_warning: OnWarning | None = None
    conversations: RunConversations | None = None
    prices: Mapping[str, Price] | None = None
    tracing: Tracing | None = None

    def redacted(self, value: object) -> object:
        """Return a value without the run's secrets; the object itself if there are none in it.

        What a user's code has returned goes through this before anything else sees it.
        """
        return value if self.secrets is None else self.secrets.redactor.value(value)

    def texts_of(self, error: BaseException | None) -> tuple[str, str]:
        """Return an exception as texts without the run's secrets: its class, and what it says."""
        if isinstance(error, RecordedFailureError):
            return error.error_type, error.error  # what it had been before the run was resumed
        kind, text = texts_of(error)
        return (kind, text) if self.secrets is None else (kind, self.secrets.redactor.text(text))

    def warn(self, step: str, code: WarningCode, message: str) -> None:
        """Tell whoever reads the run's events what no other event says, without the run's secrets.

        On the loop. A trace gets the code as well, in the span of the step.
        """
        if self.tracing is not None:
            self.tracing.warned(step, code)
        if self.on_warning is not None:
            text = message if self.secrets is None else self.secrets.redactor.text(message)
            self.on_warning(step, code, text)

    def overran(self, step: str, message: str) -> None:
        """Tell of a step that goes on after its cancellation; on the loop."""
        self.warn(step, WarningCode.CANCELLATION_IGNORED, message)

    def clean(self, outcome: Outcome[object]) -> Outcome[object]:
        """Return the outcome of a user's code, its value without the run's secrets; for every call of it."""
        if self.secrets is None or outcome.error is not None:
            return outcome
        return capture(self.secrets.redactor.value, outcome.value)


@runtime_checkable
class Agent(Protocol):
    """An agent step together with what the host gives it: tools, a prompt, a memory."""

    async def perform(
        self, step_id: str, values: Values, around: Surroundings, trace: Trace
    ) -> Outcome[object]:
        """Make one attempt."""
