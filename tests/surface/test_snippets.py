"""What README.md and docs/ show runs: as a script, as cells of a notebook, as commands of a shell."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agent_runtime import load_workflow
from tests.helpers.children import run_child
from tests.helpers.snippets import (
    ROOT,
    Snippet,
    matches,
    missing,
    run_as_script,
    run_commands,
    snippets_of,
)

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPETS = [snippet for page in PAGES for snippet in snippets_of(page)]
PROGRAMS = [each for each in SNIPPETS if each.language == "python" and "run" in each.words]
SCRIPTS = [each for each in PROGRAMS if "cell" not in each.words]
CELLS = [each for each in PROGRAMS if "script" not in each.words]
COMMANDS = [each for each in SNIPPETS if each.language == "console" and "run" in each.words]
WORKFLOWS = [each for each in SNIPPETS if each.language == "yaml" and each.file and not each.words]

MARKS = {"run", "script", "cell", "shown", "tested"}
TO_MARK = {"python", "yaml", "console"}


def skip_without_packages(snippet: Snippet) -> None:
    if missing(snippet):
        pytest.skip(f"needs {', '.join(missing(snippet))}")


def test_every_block_of_code_says_how_it_is_held_to_be_true() -> None:
    unmarked = [str(each) for each in SNIPPETS if each.language in TO_MARK and not (each.words or each.file)]
    unknown = {str(each): each.words - MARKS for each in SNIPPETS if each.language in TO_MARK}

    assert unmarked == []
    assert {place: words for place, words in unknown.items() if words} == {}


@pytest.mark.parametrize("snippet", SCRIPTS, ids=str)
def test_program_runs_as_a_script_and_prints_what_its_page_shows(snippet: Snippet, tmp_path: Path) -> None:
    skip_without_packages(snippet)

    printed = run_as_script(snippet, tmp_path)

    assert matches(snippet.output or "", printed), printed


@pytest.mark.parametrize("snippet", COMMANDS, ids=str)
def test_commands_print_what_their_page_shows(snippet: Snippet, tmp_path: Path) -> None:
    skip_without_packages(snippet)

    printed = run_commands(snippet, tmp_path)

    assert matches(snippet.code, printed), printed


@pytest.mark.parametrize("snippet", WORKFLOWS, ids=str)
def test_workflow_that_a_page_shows_as_a_file_is_one(snippet: Snippet, tmp_path: Path) -> None:
    (tmp_path / snippet.file).write_text(snippet.code, encoding="utf-8")

    assert load_workflow(tmp_path / snippet.file).steps


@pytest.mark.skipif(sys.platform == "win32", reason="kernels on sockets in a folder are not for Windows")
def test_programs_run_as_cells_of_one_notebook_and_print_what_their_pages_show(tmp_path: Path) -> None:
    """One kernel for all of them: starting it takes longer than they do."""
    cells = [each for each in CELLS if not missing(each)]
    jobs = []
    for number, snippet in enumerate(cells):
        folder = tmp_path / str(number)
        folder.mkdir()
        snippet.lay_out(folder)
        modules = [Path(name).stem for name in snippet.files if name.endswith(".py")]
        jobs.append((str(folder), snippet.code, modules))
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))

    child = run_child(
        "import json, pathlib, sys\n"
        "from tests.helpers.snippets import run_as_cells\n"
        "print(json.dumps(run_as_cells(json.loads(pathlib.Path(sys.argv[1]).read_text()))))",
        limit=300,
        arguments=(str(tmp_path / "jobs.json"),),
    )
    printed = json.loads(child.check().stdout)

    assert len(printed) == len(cells) > 0
    wrong = {
        str(snippet): text
        for snippet, text in zip(cells, printed, strict=True)
        if not matches(snippet.output or "", text)
    }
    assert wrong == {}
