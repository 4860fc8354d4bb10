"""The command line: what it prints and writes, and what it ends with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.markdown import marked
from matrix.model import Cell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.registries import Toy


def where_of(toy: Toy, folder: Path) -> list[str]:
    """Return the options that keep a run within a test's own folder."""
    results, expectations = str(folder / "results"), str(folder / "expectations.toml")
    return ["--registry", str(toy.root), "--results", results, "--expectations", expectations]


def test_table_command_writes_then_checks(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context("jupyter_cell").probe()
    readme = tmp_path / "README.md"
    readme.write_text(marked("contexts", "") + "\n", encoding="utf-8")
    where = ["--registry", str(toy.root)]

    assert main(["table", "--check", str(readme), *where]) == 1
    assert main(["table", "--write", str(readme), *where]) == 0
    assert main(["table", "--check", str(readme), *where]) == 0

    assert f"write: python -m matrix table --write {readme}" in capsys.readouterr().err
    assert "| `jupyter_cell` |" in readme.read_text(encoding="utf-8")


def test_document_without_markers_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing\n", encoding="utf-8")

    assert main(["table", "--write", str(readme)]) == 2
    assert "the markers are missing" in capsys.readouterr().err


def test_run_command_writes_records_summary_and_grid(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe("works").probe("fails", "raise ValueError(run(None, {}))")
    where = where_of(toy, tmp_path)

    code = main(["run", "--json", *where])

    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "results" / "matrix.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "results" / "matrix.ndjson").read_text(encoding="utf-8").splitlines()
    assert code == 1
    assert printed == written
    assert printed["outcomes"] == {"pass": 1, "fail": 1}
    assert printed["controls"] == {"total": 2, "caught": 2}
    assert printed["unexpected"][0]["repeat"] == "python -m matrix run --cell agent_runtime/toy/script/fails"
    assert {Cell.parse(json.loads(line)["cell"]).probe for line in lines} == {"works", "fails"}
    assert (tmp_path / "results" / "matrix.md").read_text(encoding="utf-8").startswith("## ✗ matrix")


@pytest.mark.parametrize(
    ("expectation", "code"),
    [
        pytest.param("fail", 0, id="known_failure"),
        pytest.param("hang", 1, id="fails_in_another_way"),
    ],
)
def test_peer_is_held_against_its_own_expectations(
    toy: Toy, tmp_path: Path, expectation: str, code: int
) -> None:
    toy.context().probe().peer("bridge", "return {}")
    known = tmp_path / "expectations.toml"
    known.write_text(
        f'[[expectation]]\ncells = "bridge/*/*/works"\noutcome = "{expectation}"\n'
        'reason = "so"\nissue = "#1"\n',
        encoding="utf-8",
    )
    where = where_of(toy, tmp_path)

    assert main(["run", "--json", "--target", "bridge", *where]) == code


def test_probe_that_passes_on_its_own_broken_bridge_turns_the_run_red(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe(broken="return run")
    where = where_of(toy, tmp_path)

    assert main(["run", *where]) == 3
    assert "uncaught control: the probe passes on its own broken bridge" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["run", "--probe", "nothing"], 2, "no probe matches 'nothing'", id="unknown_name"),
        pytest.param(["run", "--cell", "a/b"], 2, "'a/b' is not a cell", id="not_a_cell"),
        pytest.param(["run", "--cell", "a/b/c/d", "--probe", "x"], 2, "--cell names whole cells", id="both"),
        pytest.param(["run", "--expectations", __file__], 3, "not TOML", id="wrong_expectations"),
    ],
)
def test_wrong_command_line_ends_with_a_sentence_and_its_code(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        pytest.param("run", "  3    the matrix itself failed", id="run"),
        pytest.param("compare", "  0    no cell differs", id="compare"),
        pytest.param("explain", "  0    the cell is explained", id="explain"),
        pytest.param("repro", "  124  with --run: a limit has passed", id="repro"),
    ],
)
def test_help_of_a_verb_tells_its_own_exit_codes(
    verb: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([verb, "--help"])

    assert code in capsys.readouterr().out


def test_list_shows_everything_that_can_be_selected(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context().probe().peer("bridge", "pass")

    assert main(["list", "--registry", str(toy.root)]) == 0
    assert {"bridge", "toy", "script", "works"} <= set(capsys.readouterr().out.split())


def test_list_of_a_selection_shows_its_cells(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context().probe()

    assert main(["list", "--target", "control", "--registry", str(toy.root)]) == 0
    assert capsys.readouterr().out == "control/toy/script/works\n"
