"""What a workflow may use besides functions, tools and the LLM client."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from agent_runtime.results.usage import Price
from agent_runtime.workflow.model import Workflow

if TYPE_CHECKING:
    from agent_runtime.agents.prompts import PromptRegistry
    from agent_runtime.memory import MemoryStore
    from agent_runtime.tracing import Tracer

__all__ = ("NO_OPTIONS", "Options", "tracer_of")


@dataclass(frozen=True)
class Options:
    """What a workflow may use besides functions, tools and the LLM client; threads may share it.

    Attributes:
        errors: classes of exceptions by the names that ``retry: {on: ...}`` may use, besides those
            of Python and of this package.
        workflows: the workflows that ``workflow`` steps may run, by name: loaded ones, paths, or YAML text.
        workflow_folder: where ``workflow`` steps may name files, by a path that begins with ``./`` or
            ``../`` and is relative to the file it stands in; by default nowhere. Links that lead out of
            the folder are refused.
        random: gives numbers from 0 to 1 for the ``jitter`` of retries, on the loop;
            ``random.Random(7).random`` makes the waits repeatable. By default ``random.random``.
        trace: told what happens in the runs, and in all that their steps run in turn: a tracer, or a list or
            tuple of several. By default nobody is, and it costs nothing. See docs/tracing.md.
        prompts: what the ``scenario`` and ``version`` of agent steps name. By default nothing: they are only
            passed on to the LLM client.
        memory: what keeps the conversations of agents that outlive a run.
        prices: of models, by the names that clients use; the ``usage`` of steps has their ``cost`` then.
    """

    errors: Mapping[str, type[Exception]] = field(default_factory=dict)
    workflows: Mapping[str, Workflow | str | os.PathLike[str]] = field(default_factory=dict)
    workflow_folder: str | os.PathLike[str] | None = None
    random: Callable[[], float] | None = None
    trace: Tracer | Sequence[Tracer] | None = None
    prompts: PromptRegistry | None = None
    memory: MemoryStore | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could only be a mistake.

        Raises:
            TypeError: a value is of a wrong type.
        """
        for name, error in _entries("errors", self.errors):
            if not isinstance(error, type) or not issubclass(error, Exception):
                raise TypeError(f"errors={{{name!r}: ...}} is not a class of exceptions")
        for name, source in _entries("workflows", self.workflows):
            if not isinstance(source, Workflow | str | os.PathLike):
                raise TypeError(
                    f"workflows={{{name!r}: ...}} is {type(source).__name__}, and must be a loaded workflow,"
                    " a path, or YAML text"
                )
        if self.random is not None and not callable(self.random):
            raise TypeError("random= is a function that returns numbers from 0 to 1")
        _check_tracers(self.trace)
        for name, price in _entries("prices", self.prices):
            if not isinstance(price, Price):
                raise TypeError(f"prices={{{name!r}: ...}} is {type(price).__name__}, and must be a Price")
        _check_plugs(self)


def _check_tracers(given: object) -> None:
    """Refuse what cannot be told of a run.

    Raises:
        TypeError: it is no tracer, nor several of them.
    """
    if given is None or _is_tracer(given):
        return
    if not isinstance(given, list | tuple):
        raise TypeError(
            f"trace= is a Tracer, such as agent_runtime.tracing.Recorder(), or several of them, not {given!r}"
        )
    for number, each in enumerate(given):
        if not _is_tracer(each):
            raise TypeError(f"trace=[...] has {each!r} at place {number}, which is no Tracer")


def _is_tracer(given: object) -> bool:
    return all(hasattr(given, name) for name in ("started", "ended", "wants_errors"))


def tracer_of(options: Options) -> Tracer | None:
    """Return who is told of what happens: one, where there may be several."""
    given = options.trace
    if not isinstance(given, list | tuple) or _is_tracer(given):
        return cast("Tracer | None", given)
    if len(given) < 2:
        return given[0] if given else None
    from agent_runtime.tracing.tee import Tee

    return Tee(given)


def _check_plugs(options: Options) -> None:
    """Refuse objects that do not do what they are given for.

    Raises:
        TypeError: one of them does not.
    """
    if options.prompts is not None:
        _check_prompts(options.prompts)
    memory = options.memory
    if memory is not None and not all(hasattr(memory, name) for name in ("load", "save")):
        raise TypeError(f"memory= is a MemoryStore, such as InMemoryStore(), not {memory!r}")
    if hasattr(memory, "lease"):  # a Storage has methods of these names as well
        raise TypeError(
            f"memory= keeps conversations, and {memory!r} keeps runs; pass SQLiteMemoryStore(path), say,"
            " which may be of the same file"
        )


def _entries(what: str, given: object) -> list[tuple[object, object]]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{what}= is a mapping of names, not {type(given).__name__}")
    return list(given.items())


def _check_prompts(given: object) -> None:
    from agent_runtime.agents.prompts import PromptRegistry

    if not isinstance(given, PromptRegistry):
        raise TypeError(f"prompts= is a PromptRegistry, not {type(given).__name__}")


NO_OPTIONS = Options()
"""What a workflow may use where the host does not say."""
