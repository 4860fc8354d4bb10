"""The pages of docs/ say what is so: their links, names and tables hold; examples are in test_snippets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from matrix.markdown import marked
from matrix.model import Cell, Outcome
from matrix.registry import BUILT_IN, Registry
from matrix.steadiness import line_of
from matrix.targets import is_broken
from matrix.verdict import Verdict
from tests.surface.import_table import ALLOWED

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
CONTRACT = PAGES["contract.md"]
PROMISES: dict[str, str] = dict(
    re.findall(r"^## (S\d+) [^\n]*\n(.*?)(?=^## |\Z)", CONTRACT, flags=re.MULTILINE | re.DOTALL)
)
REGISTRY_FILES: dict[str, str] = dict(
    re.findall(r"^```python matrix/(\S+)\n(.*?)^```$", PAGES["matrix.md"], flags=re.MULTILINE | re.DOTALL)
)


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """Return the anchor that a heading gets, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_exist(page: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", prose(PAGES[page])):
        place, _, heading = link.partition("#")
        target = (DOCS / place) if place else DOCS / page
        if re.match(r"https?:", link):
            continue
        if not target.exists():
            broken.append(link)
        elif heading:
            headings = re.findall(r"^#+ (.+)$", prose(target.read_text(encoding="utf-8")), flags=re.MULTILINE)
            broken += [link] if heading not in map(anchor, headings) else []

    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page: str) -> None:
    named = re.findall(r"`((?:agent_runtime|matrix|tests|docs|examples)/[\w./*]*)`", prose(PAGES[page]))

    assert [name for name in named if not any(ROOT.glob(name.rstrip("/")))] == []


def test_contract_speaks_of_every_promise_and_lists_it() -> None:
    promises = [f"S{number}" for number in range(1, 21)]

    assert list(PROMISES) == promises
    assert re.findall(r"^\| \[(S\d+)\]\(#", CONTRACT, flags=re.MULTILINE) == promises


@pytest.mark.parametrize("promise", PROMISES)
def test_contract_names_exactly_the_probes_of_a_promise_and_its_tests(promise: str) -> None:
    probes = Registry().probes()
    own = {name for name, probe in probes.items() if probe.promise == promise}
    (item,) = re.findall(r"^- Probes: (.*?)\n(?=- )", PROMISES[promise], flags=re.MULTILINE | re.DOTALL)
    tests = re.findall(r"^- Tests: (.*)", PROMISES[promise], flags=re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", item)) & set(probes) == own
    assert item.startswith("none yet") == (own == set())
    assert len(tests) == 1


def test_table_of_parts_is_the_one_that_imports_are_held_against() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \|([^|]*)\|$", PAGES["architecture.md"], flags=re.MULTILINE)
    table: dict[str, set[str]] = {}
    for place, cell in rows:
        names = re.findall(r"`([^`]+)`", cell)
        table[place] = table[names[0]] if cell.strip().startswith("as ") else set(names)

    assert table == {place: set(names) for place, names in ALLOWED.items()}
    assert list(table) == list(ALLOWED)


@pytest.mark.parametrize("enum", [Outcome, Verdict])
def test_vocabulary_has_every_outcome_and_verdict(enum: type[Outcome | Verdict]) -> None:
    title = enum.__name__.lower()
    table = PAGES["vocabulary.md"].partition(f"| {title} | means |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == [word.value for word in enum]


def outcomes_of_run(results: Path, *arguments: str, exit_code: int) -> dict[str, str]:
    """Run cells of the matrix; return their outcomes by name."""
    command = [sys.executable, "-m", "matrix", "run", "--results", str(results), "--jobs", "1", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, cwd=ROOT, check=False
    )

    assert done.returncode == exit_code, done.stdout + done.stderr
    lines = (results / "matrix.ndjson").read_text(encoding="utf-8").splitlines()
    return {record["cell"]: record["outcome"] for record in map(json.loads, lines)}


@pytest.mark.parametrize("context", ["plain_script", "asyncio_run"])
def test_table_of_a_fresh_thread_per_call_names_the_cells_that_turn_red(context: str, tmp_path: Path) -> None:
    section = PAGES["matrix.md"].partition("## A fresh thread per call")[2].partition("\n## ")[0]
    (command,) = re.findall(r"^    python -m matrix run (.*)$", section, flags=re.MULTILINE)

    outcomes = outcomes_of_run(tmp_path, *command.split(), "--context", context, exit_code=1)
    red = {Cell.parse(cell).probe for cell, outcome in outcomes.items() if outcome not in ("pass", "skip")}
    skipped = {Cell.parse(cell).probe for cell, outcome in outcomes.items() if outcome == "skip"}

    assert red == set(re.findall(r"^\| S\d+ \| `(\w+)` \|", section, flags=re.MULTILINE)) - skipped


def test_table_of_controls_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "matrix", "table", "--check", "docs/matrix.md"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 0, done.stderr


CELLS_OF_EXAMPLES = {
    "contexts/timer_thread.py": [
        Cell("agent_runtime", "run_workflow", "timer_thread", "returns_the_async_value"),
        Cell("agent_runtime", "run_workflow", "timer_thread", "runs_def_steps_on_calling_thread"),
    ],
    "probes/passes_inputs_unchanged.py": [
        Cell("agent_runtime", "run_workflow", "asyncio_run", "passes_inputs_unchanged"),
        Cell("control", "run_workflow", "asyncio_run", "passes_inputs_unchanged"),
    ],
    "peers/pool_thread.py": [
        Cell("pool_thread", "run_workflow", "asyncio_run", "returns_the_async_value"),
        Cell("pool_thread", "run_workflow", "asyncio_run", "keeps_context_variables"),
    ],
    "controls/gives_up_on_empty_inputs.py": [
        Cell(
            "control:gives_up_on_empty_inputs",
            "run_workflow",
            "plain_script",
            "runs_def_steps_on_calling_thread",
        ),
    ],
    "entry_points/run_workflow_with_timeout.py": [
        Cell("agent_runtime", "run_workflow_with_timeout", "plain_script", "returns_the_async_value"),
        Cell("fresh_thread", "run_workflow_with_timeout", "plain_script", "returns_the_async_value"),
    ],
}


def test_sentence_on_steadiness_says_what_its_data_say() -> None:
    data = json.loads((ROOT / "docs" / "steady.json").read_text(encoding="utf-8"))

    assert marked("steady", line_of(data)) in PAGES["matrix.md"]


def test_page_on_the_matrix_has_an_example_of_each_kind() -> None:
    assert set(REGISTRY_FILES) == set(CELLS_OF_EXAMPLES)


@pytest.mark.parametrize("file", CELLS_OF_EXAMPLES)
def test_example_works_in_a_copy_of_the_registry(file: str, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    for folder in ("contexts", "controls", "entry_points", "peers", "probes"):
        shutil.copytree(BUILT_IN / folder, registry / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (registry / file).write_text(REGISTRY_FILES[file], encoding="utf-8")
    cells = ",".join(cell.id for cell in CELLS_OF_EXAMPLES[file])

    outcomes = outcomes_of_run(
        tmp_path / "results", "--registry", str(registry), "--cell", cells, exit_code=0
    )

    assert outcomes == {
        cell.id: "fail" if is_broken(cell.target) else "pass" for cell in CELLS_OF_EXAMPLES[file]
    }


def test_search_on_the_page_finds_what_the_page_shows() -> None:
    (example,) = re.findall(
        r"^```console tested\n\$ python (.*?)\n(.*?)^```$", PAGES["matrix.md"], re.M | re.S
    )
    command, shown = example

    done = subprocess.run(
        [sys.executable, *command.split()],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, shown), done.stderr
