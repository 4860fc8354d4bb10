"""Reading steps, and the steps inside them."""

from __future__ import annotations

from agent_runtime.loading.actions import READERS
from agent_runtime.loading.approvals import ASK_BEFORE, done_by
from agent_runtime.loading.form import Form, read_name, shown
from agent_runtime.loading.keys import ACTIONS, MAX_STEPS, step_keys
from agent_runtime.loading.modifiers import read_condition, read_for_each, read_repeat, read_retry
from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, kind_of
from agent_runtime.workflow.model import Action, Approval, Block, Need, OnError, Step

__all__ = ("read_steps",)


def read_steps(node: Node | None, notes: Notes, *, first: int = 1, key: str = "steps") -> list[Step]:
    """Read a list of steps; what is wrong is noted, and the steps that could be read come back.

    Args:
        node: the list.
        notes: where mistakes go.
        first: the number by which messages call the first step if it has no id.
        key: what the list stands under.
    """
    if node is None:
        return []
    if not isinstance(node, Items):
        notes.add(
            node.position, f"'{key}' must be a list, not {kind_of(node)}", "begin each step with '- id: ...'"
        )
        return []
    if not node.items:
        notes.add(node.position, f"'{key}' is empty", "add a step")
    if len(node.items) > MAX_STEPS:
        notes.add(node.position, f"'{key}' has {len(node.items)} steps, and {MAX_STEPS} is the most")
        return []
    steps = [_read_step(item, number, notes) for number, item in enumerate(node.items, start=first)]
    return [step for step in steps if step is not None]


def _read_step(node: Node, number: int, notes: Notes) -> Step | None:
    name = _id_of(node)
    owner = f"step {number}" if name is None else f"step '{shown(name)}'"
    kinds = _kinds_in(node)
    form = Form(node, notes, owner=owner, keys=step_keys("step", kinds))
    if not form.is_mapping:
        return None
    step_id = form.text("id")
    if step_id is not None:
        read_name(step_id, form.at("id"), notes, what="the id of a step")
    action = _read_action(form, kinds, notes)
    step = Step(
        id=step_id or "",
        action=Block(()) if action is None else action,
        when=read_condition(form, "when"),
        needs=tuple(Need(*name) for name in form.names("needs", of="ids of steps")),
        retry=read_retry(form, notes),
        timeout=form.number("timeout"),
        on_error=form.word("on_error", OnError) or OnError.FAIL,
        fallback=_read_standby(form, "fallback", step_id or "", notes),
        compensate=_read_standby(form, "compensate", step_id or "", notes),
        for_each=read_for_each(form, notes),
        repeat=read_repeat(form, notes),
        position=form.at("id"),
    )
    return None if step_id is None or action is None else step


def _read_standby(form: Form, key: str, step_id: str, notes: Notes) -> Step | None:
    """Read what is done in place of a step, or to undo it: an action, with attempts of its own."""
    node = form.node(key)
    if node is None:
        return None
    kinds = _kinds_in(node)
    own = Form(node, notes, owner=f"'{key}' of {form.owner}", keys=step_keys("standby", kinds))
    if not own.is_mapping:
        return None
    action, retry, timeout = _read_action(own, kinds, notes), read_retry(own, notes), own.number("timeout")
    if action is None:
        return None
    standby = Step(f"{step_id}:{key}", action, retry=retry, timeout=timeout, position=own.position)
    for step in done_by(standby) if key == "compensate" else ():
        if isinstance(step.action, Approval):
            does = "" if step is standby else f", and step '{shown(step.id)}' in it does"
            notes.add(step.action.position, f"{own.owner} cannot wait for an approval{does}", ASK_BEFORE)
    return standby


def _id_of(node: Node) -> str | None:
    for key, value in node.pairs if isinstance(node, Pairs) else ():
        if key.value == "id" and isinstance(value, Scalar) and isinstance(value.value, str):
            return value.value
    return None


def _kinds_in(node: Node) -> list[str]:
    keys = [str(key.value) for key, _ in node.pairs] if isinstance(node, Pairs) else []
    return [kind for kind in ACTIONS if kind in keys]


def _read_action(form: Form, kinds: list[str], notes: Notes) -> Action | None:
    if not kinds:
        words = ", ".join(f"'{kind}'" for kind in ACTIONS)
        notes.add(form.position, f"{form.owner} does not say what to do", f"add one of {words}")
        return None
    for kind in kinds[1:]:
        message = f"{form.owner} has both '{kinds[0]}' and '{kind}'"
        notes.add(form.key_at(kind), message, "make two steps of it")
    if kinds[0] in ("steps", "parallel"):
        return _read_block(form, kinds[0], notes)
    return READERS[kinds[0]](form, notes)


def _read_block(form: Form, key: str, notes: Notes) -> Action | None:
    steps = tuple(read_steps(form.node(key), notes, key=key))
    concurrency = form.count("concurrency") if key == "parallel" else None
    return Block(steps, concurrency, independent=key == "parallel")
