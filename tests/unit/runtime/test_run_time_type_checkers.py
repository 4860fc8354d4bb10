"""Programs whose own modules typeguard or beartype checks as they run: our types can be asked of values."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import agent_runtime
from tests.helpers.children import run_child

_PROGRAM = """
from __future__ import annotations
import asyncio
from agent_runtime import LLMClient, RunResult, ScriptedClient, run_workflow
from agent_runtime.bridge import Bridge, run_sync
from agent_runtime.tracing import Recorder, Tracer

WORKFLOW = "name: asked\\nsteps: [{id: ask, tool: ask}]\\noutputs: {said: '${steps.ask.output}'}\\n"

async def ask() -> str:
    await asyncio.sleep(0)
    return "well"

def run(client: LLMClient, tracer: Tracer) -> RunResult:
    result: RunResult = run_workflow(WORKFLOW, tools={"ask": ask}, llm=client, secrets={"key": "value"})
    return result

def on(bridge: Bridge) -> str:
    return bridge.run_sync(ask)

def main() -> tuple[str, str, str]:
    with Bridge() as bridge:
        outputs = run(ScriptedClient({}), Recorder()).outputs
        return str(outputs["said"]), run_sync(ask), on(bridge)

async def host() -> tuple[str, str, str]:
    return main()
"""

_HOOKS = {
    "typeguard": "from typeguard import install_import_hook; install_import_hook('checked')",
    "beartype": "from beartype.claw import beartype_package; beartype_package('checked')",
}


@pytest.mark.parametrize("checker", ["typeguard", "beartype"])
def test_program_that_is_checked_as_it_runs_can_name_our_types(checker: str, tmp_path: Path) -> None:
    pytest.importorskip(checker)
    (tmp_path / "checked").mkdir()
    (tmp_path / "checked" / "__init__.py").write_text(_PROGRAM)

    child = run_child(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"{_HOOKS[checker]}\n"
        "import asyncio, checked\n"
        "print(*checked.main())\n"
        "print(*asyncio.run(checked.host()))\n",
        # While it imports a module to check, typeguard renames the compiled files of all others, too.
        environment={"PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")},
    )

    assert child.check().lines == ["well well well"] * 2


def _modules() -> list[str]:
    found = pkgutil.walk_packages(agent_runtime.__path__, "agent_runtime.")
    return sorted(one.name for one in found if not one.name.endswith("__main__"))


@pytest.mark.parametrize("name", _modules())
def test_protocols_can_be_asked_about_values_and_aliases_are_types(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}")
    own = {key: value for key, value in vars(module).items() if not key.startswith("__")}
    protocols = [
        one for one in own.values() if getattr(one, "_is_protocol", False) and one.__module__ == name
    ]
    aliases = [
        key for key, said in getattr(module, "__annotations__", {}).items() if "TypeAlias" in str(said)
    ]

    assert [one for one in protocols if not getattr(one, "_is_runtime_protocol", False)] == []
    assert [key for key in aliases if isinstance(own.get(key), str)] == []
