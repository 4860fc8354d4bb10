"""A checked workflow together with the code it names: what Runtime and Executor both run."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, SupportsFloat, TypeAlias, cast

from agent_runtime.bridge import (
    OnRunningLoop,
    WorkerLane,
    call_in_caller_outcome,
    call_in_worker_outcome,
    run_sync,
)
from agent_runtime.engine import Links, Plan, execute
from agent_runtime.errors import StepInputError, WorkflowError
from agent_runtime.llm import LLM, LLMClient, ScriptedClient
from agent_runtime.loading import (
    Library,
    Notes,
    bind_inputs,
    check_names,
    check_outputs,
    check_secrets,
    every_step,
    known_errors,
    parse_workflow,
)
from agent_runtime.options import Options
from agent_runtime.outcomes import Outcome
from agent_runtime.results import RunResult
from agent_runtime.runs import Run, Runs
from agent_runtime.steps import Callee, Offload, Surroundings, inherited_tracer, is_async, thread_name
from agent_runtime.workflow import AgentCall, Workflow

if TYPE_CHECKING:
    from agent_runtime.agents import Binder
    from agent_runtime.secrets import Secret, Vault
    from agent_runtime.tracing import Tracer
    from agent_runtime.tracing.telling import RunTracing

__all__ = ("AnyFunction", "Origin", "Program", "Registry", "Secrets", "ToCaller", "ToLane", "as_limit")

_FOR_EVER = 1e9
"""Seconds; what waits for locks and for sockets refuses much longer times."""

AnyFunction = Callable[..., object]
Registry = Mapping[str, AnyFunction]
Secrets: TypeAlias = "Mapping[str, str | Callable[[], str] | Secret]"


class ToCaller:
    """Plain functions of a sync call: on the thread that waits in it."""

    on_caller = staticmethod(call_in_caller_outcome)
    on_worker = staticmethod(call_in_worker_outcome)


class ToLane:
    """Plain functions of an async call: on one worker thread, never on the host's loop thread."""

    on_worker = staticmethod(call_in_worker_outcome)

    def __init__(self, lane: WorkerLane) -> None:
        self.on_caller = lane.call_outcome


class Origin(NamedTuple):
    """What a program was made of, so that another process can make it anew; see :meth:`Program.of`."""

    workflow: Workflow
    functions: Registry
    tools: Registry
    llm: LLMClient | None
    options: Options
    secrets: Mapping[str, Secret]


class Program(NamedTuple):
    """Everything that runs of one workflow have in common, and the runs; threads may share it."""

    plan: Plan
    functions: Mapping[str, Callee]
    tools: Mapping[str, Callee]
    llm: LLM
    runs: Runs
    workflows: Mapping[str, object]
    random: Callable[[], float]
    origin: Origin
    vault: Vault | None = None
    own_tracer: Tracer | None = None

    @classmethod
    def of(
        cls,
        workflow: Workflow | None,
        notes: Notes,
        *,
        functions: Registry | None,
        tools: Registry | None,
        llm: LLMClient | None,
        options: Options,
        secrets: Secrets | None = None,
    ) -> Program:
        """Load the workflows that this one runs, check names and client, and put everything together.

        Raises:
            WorkflowError: something has been noted, now or before.
            LLMClientError: ``llm`` is not a client.
            TypeError: ``functions`` or ``tools`` is not a mapping of names to callables, ``options``
                are no options, or ``secrets`` is not a mapping of names to secrets.
            SecretError: a secret cannot be kept.
        """
        registered = _registry("functions", functions), _registry("tools", tools)
        if not isinstance(options, Options):
            raise TypeError(f"options= is an Options, not {type(options).__name__}")
        errors = known_errors(options.errors)
        library = Library(options.workflows, options.workflow_folder)
        kept, used, binder = _secrets(secrets), set[str](), None
        if workflow is not None:
            library.collect(workflow, parse_workflow, notes)
            every = (workflow, *library.workflows.values())
            binder = _binder(every, *registered, options)
            for each in every:
                check_names(each, *registered, errors, library.notes_of(each, notes))
                allowed = {name: secret.allow for name, secret in kept.items()}
                used |= check_secrets(each, allowed, library.notes_of(each, notes))
                if binder is not None:
                    binder.bind(each, library.notes_of(each, notes))
        if notes or workflow is None:
            raise WorkflowError(notes.problems())
        client = LLM.of(ScriptedClient() if llm is None else llm)
        functions_, tools_ = map(_callees, registered)
        links = Links(errors, library.key_of, check_outputs, *([] if binder is None else [binder.agent_of]))
        return cls(
            Plan.of(workflow, links),
            functions_,
            tools_,
            client,
            Runs(workflow.name),
            _sub_workflows(library.workflows, links),
            _random(options, (workflow, *library.workflows.values())),
            Origin(workflow, *registered, llm, options, kept),
            _vault(kept, used),
            options.trace,
        )

    @classmethod
    def remade(cls, origin: Origin) -> Program:
        """Make a program anew of what another one was made of.

        Raises:
            WorkflowError: what it names is not there any more: a file under ``workflow_folder``, say.
        """
        workflow, functions, tools, llm, options, secrets = origin
        return cls.of(
            workflow,
            Notes(workflow.file),
            functions=functions,
            tools=tools,
            llm=llm,
            options=options,
            secrets=secrets,
        )

    def limit(self, timeout: object) -> float | None:
        """Return the seconds that a run may take: the caller's, or the workflow's own if that is less.

        Raises:
            TypeError: the caller's is not a number.
            ValueError: the caller's is not a number that can be compared.
        """
        given, own = as_limit(timeout), self.plan.workflow.timeout
        return own if given is None or (own is not None and own < given) else given

    def run(
        self,
        inputs: Mapping[str, object] | None,
        *,
        timeout: object,
        on_running_loop: OnRunningLoop,
        names: tuple[str, str],
    ) -> RunResult:
        """Run once through the bridge; blocks the calling thread."""
        __tracebackhide__ = True
        limit = self.limit(timeout)
        with Run(self.runs) as run:
            bound = bind_inputs(self.plan.workflow, inputs)

            async def carry_out() -> Outcome[RunResult]:
                return await self.execute(run, bound, ToCaller())

            carry_out.__qualname__ = f"workflow '{self.plan.workflow.name}'"  # the bridge's messages say it
            if (tracer := self.tracer) is None:
                outcome = run_sync(carry_out, timeout=limit, on_running_loop=on_running_loop, names=names)
            else:
                from agent_runtime.tracing.telling import told_call

                call = functools.partial(run_sync, carry_out, timeout=limit, on_running_loop=on_running_loop)
                outcome = told_call(tracer, run.id, call, names)
        return outcome.unwrap()

    @property
    def tracer(self) -> Tracer | None:
        """Who is told of a run that begins here and now."""
        return self.own_tracer or cast("Tracer | None", inherited_tracer.get())

    def tracing(self, around: Surroundings, context: contextvars.Context | None = None) -> RunTracing | None:
        """Begin to tell of a run, if a trace is asked for."""
        if (tracer := self.tracer) is None:
            return None
        from agent_runtime.tracing.telling import RunTracing

        return RunTracing(tracer, around, context)

    async def run_async(self, inputs: Mapping[str, object] | None, *, limit: object) -> RunResult:
        """Run once on the loop that this is awaited on."""
        __tracebackhide__ = True
        name, seconds = self.plan.workflow.name, self.limit(limit)
        with Run(self.runs) as run:
            bound = bind_inputs(self.plan.workflow, inputs)
            try:
                async with WorkerLane(f"agent_runtime functions of {name}") as lane, asyncio.timeout(seconds):
                    outcome = await self.execute(run, bound, ToLane(lane))
            except TimeoutError as error:  # never a step's own: that is in the outcome
                error.args = (f"workflow '{name}' was cancelled after {seconds:g} s",)
                raise
        return outcome.unwrap()

    async def execute(self, run: Run, inputs: Mapping[str, object], offload: Offload) -> Outcome[RunResult]:
        """Run once, with inputs that are bound already, on the loop that this is awaited on."""
        begun = await self.begin(run, inputs, offload)
        if begun.error is not None:
            return Outcome(error=begun.take_error())
        bound, around = begun.unwrap()
        if (tracing := self.tracing(around)) is None:
            return await execute(self.plan, bound, around, run.begun)
        around = around._replace(tracing=tracing)
        with tracing:
            return tracing.noted(await execute(self.plan, bound, around, run.begun, context=tracing.context))

    async def begin(
        self, run: Run, inputs: Mapping[str, object], offload: Offload
    ) -> Outcome[tuple[Mapping[str, object], Surroundings]]:
        """Fetch the run's secrets, where there are any; return its inputs and what its steps share.

        Called on the loop that the run will run on; the secrets are fetched where ``def`` steps run.
        """
        around = self.around(run, offload)
        if self.vault is None:
            return Outcome((inputs, around))
        opened = await offload.on_caller(self.vault.open)
        if opened.error is not None:
            return Outcome(error=opened.take_error())
        around = around._replace(secrets=opened.unwrap())
        return Outcome((cast("Mapping[str, object]", around.redacted(inputs)), around))

    def around(self, run: Run, offload: Offload) -> Surroundings:
        """Return what the steps of a run share; called on the loop that it runs on."""
        workflow = self.plan.workflow
        return Surroundings(
            workflow_id=workflow.id,
            workflow_name=workflow.name,
            run_id=run.id,
            functions=self.functions,
            tools=self.tools,
            llm=self.llm,
            offload=offload,
            loop_thread=thread_name(),
            random=self.random,
            workflows=self.workflows,
        )


def as_limit(timeout: object) -> float | None:
    """Return a time limit in seconds; None if it is longer than anybody waits.

    One that has passed already is a limit, too: what is left until a deadline may be negative.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not a number that can be compared.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool | str | bytes) or not isinstance(timeout, SupportsFloat):
        raise TypeError(f"timeout= is a number of seconds or None, not {type(timeout).__name__}")
    try:
        seconds = float(timeout)
    except OverflowError:  # an int beyond any float
        return None
    if math.isnan(seconds):
        raise ValueError("timeout= is NaN; give a number of seconds, or None for no limit")
    return None if seconds > _FOR_EVER else max(seconds, 0.0)


def _sub_workflows(workflows: Mapping[str, Workflow], links: Links) -> Mapping[str, object]:
    if not workflows:
        return {}
    from agent_runtime.engine.blocks import SubWorkflow

    return {
        key: SubWorkflow(Plan.of(workflow, links), functools.partial(_bind, workflow))
        for key, workflow in workflows.items()
    }


def _bind(workflow: Workflow, step: str, given: Mapping[str, object]) -> dict[str, object]:
    """Make the inputs of a workflow that a step runs.

    Raises:
        StepInputError: they are not what it declares.
    """
    try:
        return bind_inputs(workflow, given)
    except WorkflowError as error:
        problems = error.problems
    raise StepInputError(step, problems)


def _random(options: Options, workflows: Iterable[Workflow]) -> Callable[[], float]:
    """Return where chance comes from; the module is imported for workflows that leave something to it."""
    if options.random is not None:
        return options.random
    if any(step.retry.jitter for workflow in workflows for step in every_step(workflow.steps)):
        import random

        return random.random
    return float


def _secrets(given: Secrets | None) -> Mapping[str, Secret]:
    """Copy the secrets.

    Raises:
        TypeError: they are not a mapping of names to secrets.
        SecretError: one of them cannot be kept.
    """
    if given is None:
        return {}
    from agent_runtime.secrets import Secret

    if not isinstance(given, Mapping):
        raise TypeError(f"secrets= is a mapping of names to secrets, not {type(given).__name__}")
    entries: Iterable[tuple[object, object]] = given.items()  # types promise more than callers keep
    kept: dict[str, Secret] = {}
    for name, each in entries:
        if not isinstance(name, str):
            raise TypeError("secrets= is a mapping of names to secrets, and a name is a text")
        kept[name] = Secret.of(each)
    return kept


def _vault(kept: Mapping[str, Secret], used: Collection[str]) -> Vault | None:
    if not kept:
        return None
    from agent_runtime.secrets import Vault

    return Vault(kept, used)


def _binder(
    workflows: Iterable[Workflow], functions: Registry, tools: Registry, options: Options
) -> Binder | None:
    """Return what binds agent steps, if there are any; it is imported for workflows that have them."""
    steps = (step for workflow in workflows for step in every_step(workflow.steps))
    if not any(isinstance(step.action, AgentCall) for step in steps):
        return None
    from agent_runtime.agents import Binder

    return Binder(functions, tools, options.prompts)


def _callees(registry: Registry) -> Mapping[str, Callee]:
    return {name: Callee(fn, is_async(fn)) for name, fn in registry.items()}


def _registry(what: str, given: Registry | None) -> Registry:
    """Copy a registry, so that later changes by the host do not reach runs.

    Raises:
        TypeError: it is not a mapping of names to callables.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{what}= is a mapping of names to callables, not {type(given).__name__}")
    entries: Iterable[tuple[object, object]] = given.items()  # types promise more than callers keep
    for name, fn in entries:
        if not isinstance(name, str) or not callable(fn):
            raise TypeError(
                f"{what}={{{name!r}: ...}} is {type(fn).__name__}, and must be a callable with a text as name"
            )
    return dict(given)
