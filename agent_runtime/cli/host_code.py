"""The host's part of a command line: code that workflows may use, imported because it is named there."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from agent_runtime.api.runtime import Runtime
from agent_runtime.cli.exit_codes import UsageError
from agent_runtime.llm import LLMClient
from agent_runtime.runs.options import Options

if TYPE_CHECKING:
    from agent_runtime.storage import Storage
    from agent_runtime.tracing import Tracer

__all__ = ("Host", "add_host")

AnyFunction = Callable[..., object]

_SHAPE = "MODULE:NAME, or NAME=MODULE:NAME to register one function under another name"


class Host(NamedTuple):
    """What a command line gives to a workflow.

    Attributes:
        functions: by name.
        tools: by name.
        llm: the client; None for the one that answers from a script.
        options: what else may be used.
        secrets: by name.
        is_silent: whether the command line says nothing of functions and tools.
    """

    functions: Mapping[str, AnyFunction]
    tools: Mapping[str, AnyFunction]
    llm: LLMClient | None
    options: Options
    secrets: Mapping[str, str]
    is_silent: bool

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> Host:
        """Import what the command line names, from the working directory first; what it prints is for stderr.

        Raises:
            UsageError: something is not there, or is not what it should be.
        """
        if chosen.functions or chosen.tools or chosen.llm:
            folder = os.getcwd()
            if folder not in sys.path:
                sys.path.insert(0, folder)
        with contextlib.redirect_stdout(sys.stderr):
            return cls(
                _registry("--functions", chosen.functions),
                _registry("--tools", chosen.tools),
                None if chosen.llm is None else _client(chosen.llm),
                Options(workflow_folder=chosen.workflow_folder),
                _secrets(chosen.secret),
                not (chosen.functions or chosen.tools),
            )

    def runtime(
        self, source: Path | str, *, trace: Tracer | None = None, storage: Storage | None = None
    ) -> Runtime:
        """Load a workflow with what the command line gives to it.

        Raises:
            WorkflowError: it has mistakes.
            LLMClientError: the client is none.
            SecretError: a secret cannot be kept.
        """
        return Runtime(
            source,
            functions=self.functions,
            tools=self.tools,
            llm=self.llm,
            options=self.options if trace is None else replace(self.options, trace=trace),
            secrets=self.secrets,
            storage=storage,
        )


def add_host(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name code; without them nothing is imported."""
    group = parser.add_argument_group("what the workflow may use")
    group.add_argument(
        "--functions",
        action="append",
        default=[],
        metavar="MODULE:NAME",
        help="a mapping of names to functions, or one function, for 'function' steps;"
        " NAME=MODULE:NAME registers one under another name; may be repeated",
    )
    group.add_argument(
        "--tools", action="append", default=[], metavar="MODULE:NAME", help="the same for 'tool' steps"
    )
    group.add_argument(
        "--llm",
        metavar="MODULE:NAME",
        help="the client for 'agent' steps, or a function that makes it; without it a script answers",
    )
    group.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
        help="a secret that steps may be given as ${secrets.NAME}: the value of an environment variable;"
        " may be repeated",
    )
    group.add_argument(
        "--workflow-folder",
        metavar="FOLDER",
        help="where 'workflow' steps may name files; by default nowhere",
    )


def _registry(option: str, given: Sequence[str]) -> dict[str, AnyFunction]:
    found: dict[str, AnyFunction] = {}
    for each in given:
        name, equals, place = each.rpartition("=")
        value = _imported(option, place)
        if equals:
            entries: Mapping[object, object] = {name: value}
        elif isinstance(value, Mapping):
            entries = value
        else:
            entries = {getattr(value, "__name__", place.rpartition(":")[2]): value}
        for key, function in entries.items():
            if not isinstance(key, str) or not callable(function):
                raise UsageError(
                    f"{option} {each}: {key!r} is {type(function).__name__}; it must be a function,"
                    " or a mapping of names to functions"
                )
            found[key] = function
    return found


def _secrets(given: Sequence[str]) -> dict[str, str]:
    """Return secrets by name; their values never stand on a command line, where other users can read them."""
    found = {}
    for each in given:
        name, equals, variable = each.partition("=")
        if not equals or not name or not variable:
            raise UsageError(
                f"--secret {each}: write --secret NAME=VARIABLE, the name of an environment variable"
            )
        if variable not in os.environ:
            raise UsageError(f"--secret {name}=...: there is no environment variable of the name given")
        found[name] = os.environ[variable]
    return found


def _client(place: str) -> LLMClient:
    value = _imported("--llm", place)
    if isinstance(value, type) or not hasattr(value, "call_llm"):
        if not callable(value):
            raise UsageError(
                f"--llm {place}: {type(value).__name__} has no method call_llm(), and cannot be called to"
                " get an object that has it"
            )
        try:
            value = value()
        except Exception as error:
            raise UsageError(f"--llm {place}: calling it raised {_told(error)}") from error
    return cast("LLMClient", value)  # Runtime looks at it


def _imported(option: str, place: str) -> object:
    """Import what stands after the colon from the module before it."""
    module_name, colon, path = place.partition(":")
    if not colon or not module_name or not path:
        raise UsageError(f"{option} {place}: write {_SHAPE}")
    try:
        value: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise UsageError(
                f"{option} {place}: there is no module '{missing}'; it was looked for in"
                f" {os.getcwd()} and where Python finds modules"
            ) from None
        raise UsageError(f"{option} {place}: the module needs '{missing}', which is not installed") from error
    except Exception as error:
        raise UsageError(f"{option} {place}: importing the module raised {_told(error)}") from error
    for name in path.split("."):
        if not hasattr(value, name):
            raise UsageError(f"{option} {place}: there is no '{name}' in it{_nearest(name, value)}")
        value = getattr(value, name)
    return value


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _nearest(name: str, owner: object) -> str:
    import difflib  # for mistakes only

    near = difflib.get_close_matches(name, [each for each in dir(owner) if not each.startswith("_")], n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
