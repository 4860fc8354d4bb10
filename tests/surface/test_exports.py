"""What is public: every `__all__` says it, and nothing else does."""

from __future__ import annotations

import ast
import asyncio
import builtins
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType

import pytest

import agent_runtime
import agent_runtime.bridge
import agent_runtime.errors
import agent_runtime.tracing

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(agent_runtime.__path__, "agent_runtime.")
    if ".__" not in module.name
)
PUBLIC: list[ModuleType] = [
    agent_runtime,
    agent_runtime.bridge,
    agent_runtime.errors,
    agent_runtime.tracing,
]


@pytest.mark.parametrize("name", ["agent_runtime", *MODULES])
def test_all_is_a_tuple_of_names_that_exist(name: str) -> None:
    module = importlib.import_module(name)

    assert isinstance(module.__all__, tuple)
    assert [word for word in module.__all__ if not hasattr(module, word)] == []


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_public_names_are_sorted(module: ModuleType) -> None:
    assert list(module.__all__) == sorted(module.__all__)


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_has_a_docstring(module: ModuleType) -> None:
    documented = [
        name
        for name in module.__all__
        if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name))
    ]

    assert documented
    assert [name for name in documented if not inspect.getdoc(getattr(module, name))] == []


@pytest.mark.parametrize("name", MODULES)
def test_errors_that_docstrings_name_exist(name: str) -> None:
    module = importlib.import_module(name)
    known = {*dir(asyncio), *dir(builtins), *agent_runtime.errors.__all__, "CannotStartThreadError"}
    tree = ast.parse(inspect.getsource(module))
    docstrings = [
        ast.get_docstring(node) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module)
    ]
    named = {
        error
        for docstring in docstrings
        for section in re.findall(r"^Raises:\n((?:[ ]+.*\n?|\n)*)", docstring, flags=re.MULTILINE)
        for error in re.findall(r"^    (\w+):", section, flags=re.MULTILINE)
    }

    assert {error for error in named if error not in known and not hasattr(module, error)} == set()


def test_every_sync_entry_point_has_an_async_variant_with_the_same_arguments() -> None:
    pairs: list[tuple[Callable[..., object], Callable[..., object]]] = [
        (agent_runtime.run_workflow, agent_runtime.run_workflow_async),
        (agent_runtime.Runtime.run, agent_runtime.Runtime.run_async),
        (agent_runtime.Executor.run, agent_runtime.Executor.run_async),
    ]

    for sync, async_variant in pairs:
        only_sync = {"on_running_loop"}
        assert set(inspect.signature(sync).parameters) - only_sync == set(
            inspect.signature(async_variant).parameters
        )
        assert inspect.iscoroutinefunction(async_variant)
        assert not inspect.iscoroutinefunction(sync)


@pytest.mark.parametrize("runs", [agent_runtime.Runtime, agent_runtime.Executor])
def test_every_map_has_an_async_variant_with_the_same_arguments(
    runs: type[agent_runtime.Runtime | agent_runtime.Executor],
) -> None:
    sync, async_variant = inspect.signature(runs.map), inspect.signature(runs.map_async)

    assert set(sync.parameters) - {"on_running_loop"} == set(async_variant.parameters)
    assert sync.return_annotation == "Generator[MappedRun, None, None]"
    assert async_variant.return_annotation == "AsyncGenerator[MappedRun, None]"


@pytest.mark.parametrize(
    ("sync", "async_variant"),
    [
        pytest.param(
            agent_runtime.stream_workflow, agent_runtime.stream_workflow_async, id="stream_workflow"
        ),
        pytest.param(agent_runtime.Runtime.stream, agent_runtime.Runtime.stream_async, id="Runtime.stream"),
        pytest.param(
            agent_runtime.Executor.stream, agent_runtime.Executor.stream_async, id="Executor.stream"
        ),
    ],
)
def test_every_stream_has_an_async_variant_with_the_same_arguments(
    sync: Callable[..., object], async_variant: Callable[..., object]
) -> None:
    only_sync = {"on_running_loop"}

    assert set(inspect.signature(sync).parameters) - only_sync == set(
        inspect.signature(async_variant).parameters
    )
    assert sync.__annotations__["return"] == "Generator[StreamEvent, None, None]"
    assert async_variant.__annotations__["return"] == "AsyncGenerator[StreamEvent, None]"
