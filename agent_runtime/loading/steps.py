"""Reading steps: what each kind may say, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent_runtime.loading.form import Form, read_name, read_template, shown
from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, kind_of
from agent_runtime.references import Constant, Reference, Template
from agent_runtime.references import Pairs as TemplatePairs
from agent_runtime.workflow import (
    ONCE,
    Action,
    AgentCall,
    FunctionCall,
    Message,
    Retry,
    RunsOn,
    Step,
    ToolCall,
)

__all__ = ("STEP_KINDS", "read_steps")

_COMMON = ("id", "when", "needs", "retry", "timeout")

_OWN_KEYS: Mapping[str, tuple[str, ...]] = {
    "agent": (),
    "function": ("with", "thread"),
    "tool": ("with", "thread"),
}

STEP_KINDS = tuple(_OWN_KEYS)

_NO_ARGUMENTS = TemplatePairs(())

_MAX_ATTEMPTS = 1_000
_MAX_STEPS = 100_000


def read_steps(node: Node | None, notes: Notes, *, first: int = 1) -> list[Step]:
    """Read a list of steps; what is wrong is noted, and the steps that could be read come back.

    Args:
        node: the list.
        notes: where mistakes go.
        first: the number by which messages call the first step if it has no id.
    """
    if node is None:
        return []
    if not isinstance(node, Items):
        notes.add(
            node.position, f"'steps' must be a list, not {kind_of(node)}", "begin each step with '- id: ...'"
        )
        return []
    if not node.items:
        notes.add(node.position, "'steps' is empty", "add a step")
    if len(node.items) > _MAX_STEPS:
        notes.add(node.position, f"'steps' has {len(node.items)} steps, and {_MAX_STEPS} is the most")
        return []
    steps = [_read_step(item, number, notes) for number, item in enumerate(node.items, start=first)]
    return [step for step in steps if step is not None]


def _read_step(node: Node, number: int, notes: Notes) -> Step | None:
    name = _id_of(node)
    owner = f"step {number}" if name is None else f"step '{shown(name)}'"
    kinds = _kinds_in(node)
    own = {key for kind in kinds or STEP_KINDS for key in _OWN_KEYS[kind]}
    form = Form(node, notes, owner=owner, keys=("id", *STEP_KINDS, *sorted(own), *_COMMON[1:]))
    if not form.is_mapping:
        return None
    step_id = form.text("id", required=True)
    if step_id is not None:
        read_name(step_id, form.at("id"), notes, what="the id of a step")
    action = _read_action(form, kinds, notes)
    when = _read_when(form)
    needs = form.needs("needs")
    retry = _read_retry(form, notes)
    timeout = form.number("timeout", above=True)
    if step_id is None or action is None:
        return None
    return Step(
        id=step_id,
        action=action,
        when=when,
        needs=needs,
        retry=retry,
        timeout=timeout,
        position=form.at("id"),
    )


def _id_of(node: Node) -> str | None:
    for key, value in node.pairs if isinstance(node, Pairs) else ():
        if key.value == "id" and isinstance(value, Scalar) and isinstance(value.value, str):
            return value.value
    return None


def _kinds_in(node: Node) -> list[str]:
    keys = [str(key.value) for key, _ in node.pairs] if isinstance(node, Pairs) else []
    return [kind for kind in STEP_KINDS if kind in keys]


def _read_action(form: Form, kinds: list[str], notes: Notes) -> Action | None:
    if not kinds:
        words = ", ".join(f"'{kind}'" for kind in STEP_KINDS)
        notes.add(form.position, f"{form.owner} does not say what to do", f"add one of {words}")
        return None
    for kind in kinds[1:]:
        message = f"{form.owner} has both '{kinds[0]}' and '{kind}'"
        notes.add(form.key_at(kind), message, "make two steps of it")
    return _READERS[kinds[0]](form, notes)


def _read_function(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("function"), _read_arguments(form)
    runs_on = form.word("thread", RunsOn) or RunsOn.CALLER
    return None if name is None else FunctionCall(name, arguments, runs_on, form.at("function"))


def _read_tool(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("tool"), _read_arguments(form)
    runs_on = form.word("thread", RunsOn) or RunsOn.CALLER
    return None if name is None else ToolCall(name, arguments, runs_on, form.at("tool"))


def _read_arguments(form: Form) -> Template:
    node = form.node("with")
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return _NO_ARGUMENTS
    if not isinstance(node, Pairs):
        form.note(
            "with",
            f"'with' in {form.owner} must be a mapping, not {kind_of(node)}",
            "write 'argument: value'",
        )
        return _NO_ARGUMENTS
    return form.template("with") or _NO_ARGUMENTS


_AGENT_KEYS = ("scenario", "version", "messages", "config")


def _read_agent(form: Form, notes: Notes) -> Action | None:
    node = form.node("agent")
    if node is None:
        return None
    agent = Form(node, notes, owner=f"'agent' of {form.owner}", keys=_AGENT_KEYS)
    if not agent.is_mapping:
        return None
    config = agent.node("config")
    if config is not None and not isinstance(config, Pairs):
        agent.note("config", f"'config' in {agent.owner} must be a mapping, not {kind_of(config)}")
        config = None
    return AgentCall(
        scenario=agent.text("scenario"),
        version=agent.version("version"),
        messages=_read_messages(agent, notes),
        config=_NO_ARGUMENTS if config is None else read_template(config, notes),
    )


def _read_messages(agent: Form, notes: Notes) -> tuple[Message, ...]:
    node = agent.node("messages", required=True)
    if node is None:
        return ()
    if not isinstance(node, Items) or not node.items:
        message = f"'messages' in {agent.owner} must be a list with at least one message, not {kind_of(node)}"
        notes.add(node.position, message, "write '- {role: user, content: ...}'")
        return ()
    read = [_read_message(item, agent, notes) for item in node.items]
    return tuple(message for message in read if message is not None)


def _read_message(node: Node, agent: Form, notes: Notes) -> Message | None:
    form = Form(node, notes, owner=f"a message in {agent.owner}", keys=("role", "content"))
    if not form.is_mapping:
        return None
    role, content = form.text("role", required=True), form.node("content", required=True)
    if content is None or role is None:
        return None
    if isinstance(content, Pairs) or (isinstance(content, Scalar) and not isinstance(content.value, str)):
        form.note("content", f"'content' of {form.owner} must be a text or a list, not {kind_of(content)}")
        return None
    return Message(role, read_template(content, notes))


def _read_when(form: Form) -> Template | None:
    node = form.node("when")
    if node is None:
        return None
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return Constant(node.value)
    template = form.template("when")
    if isinstance(node, Scalar) and isinstance(node.value, str) and template == Constant(None):
        return template  # a wrong reference, noted already
    if not isinstance(template, Reference):
        hint = "put the whole condition into one ${...}, or write true or false"
        form.note("when", f"'when' in {form.owner} must be exactly one reference", hint)
    return template


def _read_retry(form: Form, notes: Notes) -> Retry:
    node = form.node("retry")
    if node is None:
        return ONCE
    retry = Form(node, notes, owner=f"'retry' of {form.owner}", keys=("attempts", "backoff"))
    attempts = retry.count("attempts", minimum=1, maximum=_MAX_ATTEMPTS)
    backoff = retry.number("backoff")
    return Retry(1 if attempts is None else attempts, 0.0 if backoff is None else backoff)


_READERS: Mapping[str, Callable[[Form, Notes], Action | None]] = {
    "agent": _read_agent,
    "function": _read_function,
    "tool": _read_tool,
}
