"""Reading when, how often and for what a step is done."""

from __future__ import annotations

from agent_runtime.expressions import Constant, Reference, Template
from agent_runtime.expressions import Items as TemplateItems
from agent_runtime.loading.form import Form, read_template
from agent_runtime.loading.keys import KEYS
from agent_runtime.loading.nodes import Notes, Pairs, Scalar, kind_of
from agent_runtime.workflow.model import ONCE, AtMax, ForEach, Named, OnError, Repeat, Retry

__all__ = ("read_condition", "read_for_each", "read_repeat", "read_retry")


def read_condition(form: Form, key: str) -> Template | None:
    """Read exactly one reference, or true or false."""
    node = form.node(key)
    if node is None:
        return None
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return Constant(node.value)
    template = form.template(key)
    if isinstance(node, Scalar) and isinstance(node.value, str) and template == Constant(None):
        return template  # a wrong reference, noted already
    if not isinstance(template, Reference):
        hint = "put the whole condition into one ${...}, or write true or false"
        form.note(key, f"'{key}' in {form.owner} must be exactly one reference", hint)
    return template


def read_retry(form: Form, notes: Notes) -> Retry:
    """Read how often a step is tried, after which errors and after how long."""
    node = form.node("retry")
    if node is None:
        return ONCE
    retry = Form(node, notes, owner=f"'retry' of {form.owner}", keys=KEYS["retry"])
    attempts, on = retry.count("attempts"), retry.names("on", of="names of errors")
    return Retry(
        attempts=ONCE.attempts if attempts is None else attempts,
        backoff=_seconds(retry, "backoff", ONCE.backoff),
        factor=_seconds(retry, "factor", ONCE.factor),
        max_backoff=_seconds(retry, "max_backoff", ONCE.max_backoff),
        jitter=_seconds(retry, "jitter", ONCE.jitter),
        on=tuple(Named(*name) for name in on),
    )


def _seconds(form: Form, key: str, otherwise: float) -> float:
    number = form.number(key)
    return otherwise if number is None else number


def read_for_each(form: Form, notes: Notes) -> ForEach | None:
    """Read for which items a step is done; a list or a reference alone stands for ``in``."""
    node = form.node("for_each")
    if node is None:
        return None
    if not isinstance(node, Pairs):
        items = _read_items(form, "for_each", notes)
        return None if items is None else ForEach(items)
    own = Form(node, notes, owner=f"'for_each' of {form.owner}", keys=KEYS["for_each"])
    items, concurrency = _read_items(own, "in", notes), own.count("concurrency")
    on_error = own.word("on_error", OnError) or OnError.FAIL
    if items is None:
        return None
    return ForEach(items, ForEach(items).concurrency if concurrency is None else concurrency, on_error)


def _read_items(form: Form, key: str, notes: Notes) -> Template | None:
    node = form.node(key)
    if node is None:
        return None
    template = read_template(node, notes)
    if isinstance(template, Reference | TemplateItems):
        return template
    if template == Constant(None) and isinstance(node, Scalar) and isinstance(node.value, str):
        return template  # a wrong reference, noted already
    form.note(
        key,
        f"'{key}' in {form.owner} must be a list or exactly one reference, not {kind_of(node)}",
        'write "${inputs.<name>}" or "${steps.<id>.output}"',
    )
    return None


def read_repeat(form: Form, notes: Notes) -> Repeat | None:
    """Read how often a step is done, one time after the other."""
    node = form.node("repeat")
    if node is None:
        return None
    own = Form(node, notes, owner=f"'repeat' of {form.owner}", keys=KEYS["repeat"])
    if not own.is_mapping:
        return None
    if "for_each" in form:
        message = f"{form.owner} has both 'for_each' and 'repeat'"
        hint = "put the step with 'repeat' under 'steps' of one with 'for_each'"
        notes.add(form.key_at("repeat"), message, hint)
    most, until, while_ = own.count("max"), read_condition(own, "until"), read_condition(own, "while")
    delay, at_max = own.number("delay"), own.word("at_max", AtMax)
    if "at_max" in own and until is None and while_ is None:
        own.note(
            "at_max", f"'at_max' in {own.owner} needs 'until' or 'while'", "remove it, or add one of them"
        )
    if most is None:
        return None
    return Repeat(most, until, while_, 0.0 if delay is None else delay, at_max or AtMax.FAIL)
