"""Importing the package is cheap: a name comes with its module when it is first asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import agent_runtime

LOADED = "import sys; print(*sorted(name for name in sys.modules if name in {wanted!r}))"


def _loaded_after(statement: str, *wanted: str) -> list[str]:
    """Return which modules a new interpreter has imported after a statement."""
    script = f"{statement}\n{LOADED.format(wanted=wanted)}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_package_imports_neither_asyncio_nor_yaml() -> None:
    assert _loaded_after("import agent_runtime", "asyncio", "yaml", "agent_runtime") == ["agent_runtime"]


def test_the_bridge_comes_without_the_workflows() -> None:
    statement = "from agent_runtime.bridge import run_sync"
    wanted = ("agent_runtime.bridge", "agent_runtime.workflow.model", "yaml")
    assert _loaded_after(statement, *wanted) == ["agent_runtime.bridge"]


@pytest.mark.parametrize("statement", ["agent_runtime.bridge.run_sync", "agent_runtime.errors.BridgeError"])
def test_the_bridge_and_the_errors_are_there_without_an_import_of_their_own(statement: str) -> None:
    loaded = _loaded_after(f"import agent_runtime; {statement}", "agent_runtime.errors")
    assert loaded == ["agent_runtime.errors"]


@pytest.mark.parametrize("name", agent_runtime.__all__)
def test_every_public_name_is_the_one_of_its_module_and_is_found_only_once(name: str) -> None:
    found = getattr(agent_runtime, name)
    assert vars(agent_runtime)[name] is found
    assert name in dir(agent_runtime)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'agent_runtime' has no attribute 'run_workflows'"):
        agent_runtime.run_workflows  # type: ignore[attr-defined]  # noqa: B018
