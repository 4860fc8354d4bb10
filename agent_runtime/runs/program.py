"""A checked workflow together with the code it names: what Runtime and Executor both run."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from agent_runtime.bridge import OnRunningLoop, WorkerLane, run_sync
from agent_runtime.engine import Links, Plan, compile_plan, execute
from agent_runtime.engine.steps import Callee, Offload, Surroundings, inherited_tracer, thread_name
from agent_runtime.errors import StepInputError, WorkflowError
from agent_runtime.llm import LLM, LLMClient, ScriptedClient
from agent_runtime.loading import (
    Library,
    Notes,
    bind_inputs,
    check_approvals,
    check_names,
    check_outputs,
    check_secrets,
    check_undoing,
    every_step,
    known_errors,
    parse_workflow,
)
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import NO_REQUEST, Request, Run, Runs, Stop, as_limit
from agent_runtime.runs.offload import ToCaller, ToLane
from agent_runtime.runs.options import Options, tracer_of
from agent_runtime.runs.registries import (
    Registry,
    Secrets,
    callees_of,
    registry_of,
    secrets_of,
    vault_of,
)
from agent_runtime.workflow.model import AgentCall, FunctionCall, RunsOn, Step, ToolCall, Workflow

if TYPE_CHECKING:
    from agent_runtime.agents import Binder
    from agent_runtime.memory import RunConversations
    from agent_runtime.runs.durable import Durability, Keeper
    from agent_runtime.secrets import Secret, Vault
    from agent_runtime.tracing import Tracer
    from agent_runtime.tracing.run_tracing import RunTracing

__all__ = ("Origin", "Program", "Registry", "Secrets", "ToCaller", "ToLane")


class Origin(NamedTuple):
    """What a program was made of, so that another process can make it anew; see :meth:`Program.of`."""

    workflow: Workflow
    functions: Registry
    tools: Registry
    llm: LLMClient | None
    options: Options
    secrets: Mapping[str, Secret]
    storage: object


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
    durability: Durability | None = None
    new_memory: Callable[[], RunConversations] | None = None

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
        storage: object = None,
    ) -> Program:
        """Load the workflows that this one runs, check names and client, and put everything together.

        Raises:
            WorkflowError: something has been noted, now or before.
            LLMClientError: ``llm`` is not a client.
            TypeError: ``functions`` or ``tools`` is not a mapping of names to callables, ``options``
                are no options, ``secrets`` is not a mapping of names to secrets, or ``storage`` is none.
            SecretError: a secret cannot be kept.
        """
        registered = registry_of("functions", functions), registry_of("tools", tools)
        if not isinstance(options, Options):
            raise TypeError(f"options= is an Options, not {type(options).__name__}")
        errors = known_errors(options.errors)
        library = Library(options.workflows, options.workflow_folder)
        kept, used, binder = secrets_of(secrets), set[str](), None
        if workflow is not None:
            library.collect(workflow, parse_workflow, notes)
            every = (workflow, *library.workflows.values())
            binder = _binder(every, *registered, options)
            check_undoing(every, library, notes)
            for each in every:
                check_names(each, *registered, errors, library.notes_of(each, notes))
                allowed = {name: secret.allow for name, secret in kept.items()}
                used |= check_secrets(each, allowed, library.notes_of(each, notes))
                if storage is None:
                    check_approvals(each, library.notes_of(each, notes))
                if binder is not None:
                    binder.bind(each, library.notes_of(each, notes))
        if notes or workflow is None:
            raise WorkflowError(notes.problems())
        client = LLM.of(ScriptedClient() if llm is None else llm)
        functions_, tools_ = map(callees_of, registered)
        links = Links(
            errors,
            library.key_of,
            check_outputs,
            on_caller=functools.partial(_is_on_caller, functions_, tools_),
        )
        if binder is not None:
            links = links._replace(agent=binder.agent_of)
        return cls(
            compile_plan(workflow, links),
            functions_,
            tools_,
            client,
            Runs(workflow.name),
            _sub_workflows(library.workflows, links),
            _random(options, (workflow, *library.workflows.values())),
            Origin(workflow, *registered, llm, options, kept, storage),
            vault_of(kept, used),
            tracer_of(options),
            _durability(storage, workflow, library.workflows.values()),
            None if binder is None else binder.new_memory(),
        )

    @classmethod
    def remade(cls, origin: Origin) -> Program:
        """Make a program anew of what another one was made of.

        Raises:
            WorkflowError: what it names is not there any more: a file under ``workflow_folder``, say.
        """
        workflow, functions, tools, llm, options, secrets, storage = origin
        return cls.of(
            workflow,
            Notes(workflow.file),
            functions=functions,
            tools=tools,
            llm=llm,
            options=options,
            secrets=secrets,
            storage=storage,
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
        request: Request = NO_REQUEST,
        watch: Callable[[Run], None] | None = None,
    ) -> RunResult:
        """Run once through the bridge; blocks the calling thread. ``watch`` is called first, on the loop."""
        __tracebackhide__ = True
        limit = self.limit(timeout)
        with Run(self.runs, request.run_id) as run:
            bound = self.bind(inputs, request)

            async def carry_out() -> Outcome[RunResult]:
                if watch is not None:
                    watch(run)
                return await self.execute(run, bound, ToCaller(), request._replace(blocks=True))

            carry_out.__qualname__ = f"workflow '{self.plan.workflow.name}'"  # the bridge's messages say it
            if (tracer := self.tracer) is None:
                outcome = run_sync(carry_out, timeout=limit, on_running_loop=on_running_loop, names=names)
            else:
                from agent_runtime.tracing.run_tracing import told_call

                call = functools.partial(run_sync, carry_out, timeout=limit, on_running_loop=on_running_loop)
                outcome = told_call(tracer, run.id, call, names)
        return outcome.unwrap()

    @property
    def tracer(self) -> Tracer | None:
        """Who is told of a run that begins here and now."""
        if self.own_tracer is not None:
            return self.own_tracer
        return cast("Tracer | None", inherited_tracer.get())

    def tracing(self, around: Surroundings, context: contextvars.Context | None = None) -> RunTracing | None:
        """Begin to tell of a run, if a trace is asked for."""
        if (tracer := self.tracer) is None:
            return None
        from agent_runtime.tracing.run_tracing import RunTracing

        return RunTracing(tracer, around, context)

    async def run_async(
        self, inputs: Mapping[str, object] | None, *, limit: object, request: Request = NO_REQUEST
    ) -> RunResult:
        """Run once on the loop that this is awaited on."""
        __tracebackhide__ = True
        name, seconds = self.plan.workflow.name, self.limit(limit)
        with Run(self.runs, request.run_id) as run:
            bound = self.bind(inputs, request)
            try:
                async with WorkerLane(f"agent_runtime functions of {name}") as lane, asyncio.timeout(seconds):
                    outcome = await self.execute(run, bound, ToLane(lane), request)
            except TimeoutError as error:  # never a step's own: that is in the outcome
                error.args = (f"workflow '{name}' was cancelled after {seconds:g} s",)
                raise
        return outcome.unwrap()

    def bind(self, inputs: Mapping[str, object] | None, request: Request) -> dict[str, object]:
        """Return the inputs of a new run, checked; one that is gone on with has its own.

        Raises:
            WorkflowError: they are not what the workflow declares.
            ValueError: the run is to be kept, and there is no storage.
        """
        if self.durability is None and (request.resumes or request.key is not None):
            what = "resume()" if request.resumes else "idempotency_key="
            raise ValueError(f"{what} needs runs that are kept; pass storage=SQLiteStorage(path), say")
        return {} if request.resumes else bind_inputs(self.plan.workflow, inputs)

    async def execute(
        self, run: Run, inputs: Mapping[str, object], offload: Offload, request: Request = NO_REQUEST
    ) -> Outcome[RunResult]:
        """Run once, with inputs that are bound already, on the loop that this is awaited on."""
        begun = await self.begin(run, inputs, offload)
        if begun.error is not None:
            return Outcome(error=begun.take_error())
        bound, around = begun.unwrap()
        if self.durability is None:
            return await self._carry_out(bound, around, run.begun)
        async with self.keeper(run, bound, request, around) as keeper:
            if keeper.result is not None:
                return Outcome(keeper.result)
            around = keeper.journal.within(around._replace(run_id=run.id))
            return await keeper.conclude(await self._carry_out(keeper.inputs, around, keeper.begun))

    async def _carry_out(
        self, inputs: Mapping[str, object], around: Surroundings, begun: Callable[[Stop], None]
    ) -> Outcome[RunResult]:
        if (tracing := self.tracing(around)) is None:
            return await execute(self.plan, inputs, around, begun)
        around = around._replace(tracing=tracing)
        with tracing:
            return tracing.noted(await execute(self.plan, inputs, around, begun, context=tracing.context))

    def keeper(
        self, run: Run, inputs: Mapping[str, object], request: Request, around: Surroundings
    ) -> Keeper:
        """Return what takes a run in hand that is to be kept."""
        from agent_runtime.runs.durable import Keeper

        assert self.durability is not None
        return Keeper(self.durability, run, inputs, request, around.texts_of)

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
            conversations=None if self.new_memory is None else self.new_memory(),
            prices=self.origin.options.prices or None,
        )


def _is_on_caller(functions: Mapping[str, Callee], tools: Mapping[str, Callee], step: Step) -> bool:
    """Whether a step is a plain function for the calling thread."""
    action = step.action
    if isinstance(action, FunctionCall):
        callee = functions.get(action.name)
    elif isinstance(action, ToolCall):
        callee = tools.get(action.name)
    else:
        return False
    return callee is not None and not callee.is_async and action.runs_on is RunsOn.CALLER


def _sub_workflows(workflows: Mapping[str, Workflow], links: Links) -> Mapping[str, object]:
    if not workflows:
        return {}
    from agent_runtime.engine.blocks import SubWorkflow

    return {
        key: SubWorkflow(compile_plan(workflow, links), functools.partial(_bind, workflow))
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


def _binder(
    workflows: Iterable[Workflow], functions: Registry, tools: Registry, options: Options
) -> Binder | None:
    """Return what binds agent steps, if there are any; it is imported for workflows that have them."""
    steps = (step for workflow in workflows for step in every_step(workflow.steps))
    if not any(isinstance(step.action, AgentCall) for step in steps):
        return None
    from agent_runtime.agents import Binder

    return Binder(functions, tools, options.prompts, options.memory)


def _durability(storage: object, workflow: Workflow, others: Collection[Workflow]) -> Durability | None:
    """Return where runs are kept.

    Raises:
        TypeError: it is no storage.
    """
    if storage is None:
        return None
    from agent_runtime.runs.durable import Durability

    return Durability(storage, workflow, others)
