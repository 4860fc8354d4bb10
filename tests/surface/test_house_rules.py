"""Rules of docs/style.md that no linter knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDERS = ("agent_runtime", "matrix", "tests")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_longer_than_400_lines(folder: str) -> None:
    long = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }

    assert {name: count for name, count in long.items() if count > 400} == {}


def test_no_function_is_longer_than_50_lines_of_code() -> None:
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                if (node.end_lineno or 0) - first.lineno + 1 > 50:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")

    assert found == []


def test_no_module_is_called_utils() -> None:
    assert [path for path in FILES if path.stem in ("utils", "helpers", "common", "misc")] == []


def test_no_package_gives_a_name_of_a_submodule_to_anything_else() -> None:
    """Importing ``tools.describe`` binds the module in ``tools``, over a function of that name.

    Whoever imports the function first does not notice, for then its own binding comes later. Under
    ``-X lazy_imports=all`` of CPython 3.15 the binding is made first, and the module stays.
    """
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in FILES
        if path.name == "__init__.py"
        for name, line in _names_given_by(path)
        if (path.parent / f"{name}.py").exists() or (path.parent / name / "__init__.py").exists()
    ]

    assert found == []


def _names_given_by(path: Path) -> Iterator[tuple[str, int]]:
    """Return each name that a package's module binds, but not to a submodule of its own; and the line."""
    package = ".".join(path.parent.relative_to(ROOT).parts)
    left: list[ast.AST] = [*ast.parse(path.read_text(encoding="utf-8")).body]
    for node in left:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
            continue
        left += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and node.module != package:
            yield from ((alias.asname or alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def test_asyncio_run_is_called_in_no_module_of_the_runtime() -> None:
    found = [
        path.name
        for path in (ROOT / "agent_runtime").rglob("*.py")
        if re.search(r"asyncio\.run\(|get_event_loop\(|run_until_complete\(|nest_asyncio", _code_of(path))
        and path.name not in ("parking.py", "direct.py")
    ]

    assert found == []


def _code_of(path: Path) -> str:
    """Return the source without docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.unparse(tree)


def test_every_todo_names_an_issue() -> None:
    marker = "TO" + "DO"
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in FILES
        for line in path.read_text(encoding="utf-8").splitlines()
        if marker in line and not re.search(marker + r"\(#\d+\)", line)
    ]

    assert found == []


def test_the_gate_of_ci_waits_for_every_other_job() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    others = set(workflow["jobs"]) - {"gate"}

    assert set(workflow["jobs"]["gate"]["needs"]) == others
    assert workflow["jobs"]["gate"]["if"] == "always()"
    assert workflow["jobs"]["gate"]["steps"][0]["run"].count("success") == len(others)


def test_ci_runs_all_shards_of_what_it_merges() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    shards = jobs["shards"]["strategy"]["matrix"].pop("shard")

    assert shards == [f"{number}/{len(shards)}" for number in range(1, len(shards) + 1)]
    assert jobs["shards"]["strategy"]["matrix"] == jobs["contexts"]["strategy"]["matrix"]
    assert "shards" in jobs["contexts"]["needs"]


def test_ci_runs_nox_sessions_and_nothing_else() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    commands = [
        step["run"]
        for name, job in workflow["jobs"].items()
        if name != "gate"
        for step in job["steps"]
        if "run" in step
    ]

    allowed = re.compile(
        r"python -m pip install -r constraints/nox\.txt|python -m nox -s .*"
        r"|cat results/(matrix|interpreters/interpreters)\.md >> .*"
    )
    assert [command for command in commands if not allowed.fullmatch(command)] == []
