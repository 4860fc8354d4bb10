"""The functions and tools that steps name, checked against what the host has registered."""

from __future__ import annotations

import builtins
import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeGuard

import agent_runtime.errors
from agent_runtime.expressions import Pairs, Reference, Root, references_of
from agent_runtime.loading.form import nearest, shown
from agent_runtime.loading.library import every_step
from agent_runtime.loading.nodes import Notes
from agent_runtime.workflow.model import FunctionCall, Position, Step, ToolCall, Workflow

__all__ = ("check_names", "check_secrets", "generator_hint", "known_errors")

_IS_COROUTINE = inspect.CO_ITERABLE_COROUTINE
"""Marks a generator function that ``types.coroutine`` has made awaitable."""

Registered = Mapping[str, Callable[..., object]]
Errors = Mapping[str, type[Exception]]
Allowed = Mapping[str, Collection[str] | None]
"""Secrets by name, each with the functions and tools that may be given it; None means any."""


def check_names(
    workflow: Workflow, functions: Registered, tools: Registered, known: Errors, notes: Notes
) -> None:
    """Note every step whose function or tool is not registered, or cannot take the arguments it is given.

    Notes unknown names of errors as well.
    """
    for step in every_step(workflow.steps):
        action = step.action
        if isinstance(action, FunctionCall):
            _check(step, action, "function", functions, "tool", tools, notes)
        elif isinstance(action, ToolCall):
            _check(step, action, "tool", tools, "function", functions, notes)
        for on in step.retry.on:
            if on.name not in known:
                message = f"'retry' of step '{shown(step.id)}' names the error '{shown(on.name)}'"
                hint = nearest(on.name, known) or f"pass Options(errors={{'{shown(on.name)}': ...}})"
                notes.add(on.position, f"{message}, which is not known", hint)


def check_secrets(workflow: Workflow, given: Allowed, notes: Notes) -> set[str]:
    """Return the names of the secrets that a workflow refers to; note those that it must not have."""
    used: set[str] = set()
    for step in every_step(workflow.steps):
        action = step.action
        if not isinstance(action, FunctionCall | ToolCall):
            continue
        for name, reference in _secrets_in(action):
            used.add(name)
            _check_secret(step, action, name, reference, given, notes)
    return used


def _secrets_in(action: FunctionCall | ToolCall) -> Iterator[tuple[str, Reference]]:
    for reference in references_of(action.arguments):
        for path in reference.paths():
            if path.root is Root.SECRETS:
                yield str(path.keys[0]), reference


def _check_secret(
    step: Step,
    action: FunctionCall | ToolCall,
    name: str,
    reference: Reference,
    given: Allowed,
    notes: Notes,
) -> None:
    position = Position(reference.line, reference.column)
    who, secret = f"step '{shown(step.id)}'", f"the secret '{shown(name)}'"
    if name not in given:
        hint = nearest(name, given) or f"pass secrets={{'{shown(name)}': ...}}"
        notes.add(position, f"{who} refers to {secret}, which is not given to this workflow", hint)
        return
    allowed = given[name]
    if allowed is not None and action.name not in allowed:
        message = f"{who} gives {secret} to '{shown(action.name)}', which is not allowed to have it"
        notes.add(position, message, f"the host can allow it: Secret(..., allow=['{shown(action.name)}'])")


def known_errors(registered: Errors) -> Errors:
    """Return the classes of exceptions that ``retry`` may name: Python's, ours, and registered ones."""
    ours = (getattr(agent_runtime.errors, name) for name in agent_runtime.errors.__all__)
    found = {kind.__name__: kind for kind in (*vars(builtins).values(), *ours) if _is_error(kind)}
    return {**found, **registered}


def _is_error(kind: object) -> TypeGuard[type[Exception]]:
    return isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, Warning)


def _check(
    step: Step,
    action: FunctionCall | ToolCall,
    kind: str,
    registered: Registered,
    other_kind: str,
    others: Registered,
    notes: Notes,
) -> None:
    fn = registered.get(action.name)
    if fn is not None:
        _check_kind(step, action, kind, fn, notes)
        _check_arguments(step, action, fn, notes)
        return
    name = shown(action.name)

    def hint() -> str:
        if action.name in others:
            return f"it is registered as a {other_kind}: write '{other_kind}: {name}'"
        return nearest(action.name, registered) or f"pass {kind}s={{'{name}': ...}}"

    message = f"step '{shown(step.id)}' names the {kind} '{name}', which is not registered"
    notes.add(action.position, message, hint)


def _check_kind(
    step: Step, action: FunctionCall | ToolCall, kind: str, fn: Callable[..., object], notes: Notes
) -> None:
    """Note generator functions."""
    hint = generator_hint(fn)
    if hint is not None:
        message = (
            f"step '{shown(step.id)}' names the {kind} '{shown(action.name)}', which is a generator function"
        )
        notes.add(action.position, message, hint)


def generator_hint(fn: Callable[..., object]) -> str | None:
    """Say what to write in the place of a generator function; None means that it is none.

    A call would run nothing of one, and its items nobody would fetch.
    """
    function: object = fn
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function):
        function = getattr(type(function), "__call__", None)  # noqa: B004
    function = getattr(function, "__func__", function)
    if inspect.isasyncgenfunction(function):
        return "collect its items in an async def, and return a list"
    if inspect.isgeneratorfunction(function) and not function.__code__.co_flags & _IS_COROUTINE:
        return "return a list"
    return None


def _check_arguments(
    step: Step, action: FunctionCall | ToolCall, fn: Callable[..., object], notes: Notes
) -> None:
    """Note arguments that the function does not have, or that it has and does not get."""
    assert isinstance(action.arguments, Pairs)
    given = [name for name, _ in action.arguments.pairs]
    try:
        signature = inspect.signature(fn)
    except Exception:  # noqa: BLE001 - built-in functions may have none; an object's own may raise anything
        return
    try:
        signature.bind(**dict.fromkeys(given))
    except TypeError as error:
        takes = ", ".join(f"'{name}'" for name in signature.parameters) or "nothing"
        message = f"step '{shown(step.id)}' cannot call '{shown(action.name)}': {error}"
        notes.add(action.position, message, f"it takes {takes}")
