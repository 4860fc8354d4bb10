"""Imports go one way: the table of docs/architecture.md, held against every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.surface.import_table import ALLOWED

ROOT = Path(__file__).parents[2]
PARSED = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for top in ("agent_runtime", "matrix")
    for path in (ROOT / top).rglob("*.py")
}

HOSTS_AND_PEERS = ("matrix/contexts", "matrix/probes", "matrix/peers", "matrix/controls")
"""Folders whose modules may import other packages, but inside functions only."""


def place_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def row_of(path: Path) -> str | None:
    """Return which row of the table speaks of a module: of those that do, the narrowest."""
    place = place_of(path)
    return max((row for row in ALLOWED if place == row or place.startswith(row + "/")), key=len, default=None)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            yield node.module or ""


def at_module_level(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(node)


def is_under(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def is_ours(module: str) -> bool:
    return any(is_under(module, package) for package in ("agent_runtime", "matrix", "tests"))


@pytest.mark.parametrize("place", ALLOWED)
def test_modules_import_only_what_their_place_in_the_table_allows(place: str) -> None:
    own = place.removesuffix(".py").replace("/", ".")
    found = [
        f"{place_of(path)}: {module}"
        for path, tree in PARSED.items()
        if row_of(path) == place
        for module in imports(tree)
        if is_ours(module) and not any(is_under(module, allowed) for allowed in (own, *ALLOWED[place]))
    ]

    assert found == []


def test_every_module_of_the_runtime_has_a_place_in_the_table() -> None:
    found = [
        place_of(path)
        for path in PARSED
        if place_of(path).startswith("agent_runtime/") and row_of(path) is None
    ]

    assert found == ["agent_runtime/__init__.py"]


def test_rows_of_the_table_name_only_rows_above() -> None:
    places = [place.removesuffix(".py").replace("/", ".") for place in ALLOWED]
    found = [
        f"{place}: {allowed}"
        for number, (place, names) in enumerate(ALLOWED.items())
        for allowed in names
        if allowed not in places[:number] and allowed != "agent_runtime"
    ]

    assert found == []


def test_the_runtime_never_knows_the_matrix_or_the_tests() -> None:
    found = [
        f"{place_of(path)}: {module}"
        for path, tree in PARSED.items()
        if place_of(path).startswith("agent_runtime/")
        for module in imports(tree)
        if is_under(module, "matrix") or is_under(module, "tests")
    ]

    assert found == []


MAY_IMPORT_THE_RUNTIME = {
    "matrix/entry_points": ("agent_runtime", "agent_runtime.bridge"),
    "matrix/controls": ("agent_runtime.bridge",),
}
"""Folders of the matrix that need the runtime, and the public modules that each of them may name."""


def test_only_entry_points_and_controls_import_the_runtime_and_only_its_public_names() -> None:
    found = [
        f"{place_of(path)}: {module}"
        for path, tree in PARSED.items()
        if place_of(path).startswith("matrix/")
        for module in imports(tree)
        if is_under(module, "agent_runtime")
        and module not in MAY_IMPORT_THE_RUNTIME.get(place_of(path).rpartition("/")[0], ())
    ]

    assert found == []


HTTP_FILES = ("body", "connections", "exchange", "failures", "pool")
EXTRAS = {
    ("agent_runtime/tools/mcp.py", "mcp"),
    ("agent_runtime/tracing/otel.py", "opentelemetry"),
    ("agent_runtime/storage/postgresql.py", "psycopg"),
    ("agent_runtime/loading/schemas.py", "jsonschema"),
    ("agent_runtime/loading/schemas.py", "referencing"),
    *((f"agent_runtime/llm/openai_compatible/{name}.py", "httpx") for name in HTTP_FILES),
}
"""The only files that may import an extra, inside functions."""


def test_the_runtime_imports_extras_inside_functions() -> None:
    found = [
        (place_of(path), module)
        for path, tree in PARSED.items()
        for module in at_module_level(tree)
        if (place_of(path), module) in EXTRAS
    ]

    assert found == []


def test_the_runtime_imports_nothing_but_its_two_dependencies() -> None:
    found = {
        module.partition(".")[0]
        for path, tree in PARSED.items()
        if place_of(path).startswith("agent_runtime/")
        for module in imports(tree)
        if (place_of(path), module) not in EXTRAS
    }

    standard = {*sys.stdlib_module_names, "annotationlib"}  # the latter from Python 3.14 on
    assert found - standard - {"agent_runtime"} <= {"yaml", "typing_extensions"}


MACHINE_MAY_IMPORT = {"live.py": "rich", "conditions.py": "packaging", "entries.py": "yaml"}
"""The one file that may import a package, where it draws, reads conditions and reads reports."""


def test_the_machine_imports_three_packages_each_in_one_file() -> None:
    found = [
        f"{place_of(path)}: {module}"
        for path, tree in PARSED.items()
        if path.parent in (ROOT / "matrix", ROOT / "matrix" / "reports")
        for module in imports(tree)
        if module.partition(".")[0] not in sys.stdlib_module_names and not is_ours(module)
        if MACHINE_MAY_IMPORT.get(path.name) != module.partition(".")[0]
    ]

    assert found == []


def test_hosts_and_peers_are_imported_inside_functions() -> None:
    found = [
        f"{place_of(path)}: {module}"
        for path, tree in PARSED.items()
        if place_of(path).startswith(HOSTS_AND_PEERS)
        for module in at_module_level(tree)
        if module.partition(".")[0] not in sys.stdlib_module_names and not is_ours(module)
    ]

    assert found == []
