"""The files of imported reports: held against the registry, and run by the report's id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.reports.regressions import RegressionError, read_regressions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.helpers.registries import Toy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "regressions"


REGRESSION: Mapping[str, str] = {
    "id": '"one"',
    "title": '"it fails"',
    "family": '"fork"',
    "cells": '["agent_runtime/*/plain_script/works_in_a_forked_child"]',
    "reason": '"because"',
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"id": '"two"'}, "one.toml:1: id is 'two'; write id = \"one\"", id="other_id"),
        pytest.param({"title": "[]"}, "one.toml:2: title is not a text", id="title_is_a_list"),
        pytest.param({"family": '"spoon"'}, "one.toml:3: family 'spoon' is none; write one of", id="family"),
        pytest.param({"cells": '"a/b/c/d"'}, "one.toml:4: cells is not a list", id="cells_is_a_text"),
        pytest.param({"cells": '["a/b/c"]'}, "one.toml:4: 'a/b/c' is no cell; write TARGET/", id="no_cell"),
        pytest.param(
            {"cells": '["control/*/*/*"]'}, "one.toml:4: 'control/*/*/*' is a control", id="control"
        ),
        pytest.param({"cells": "[]"}, "one.toml:4: neither cells nor waits_for", id="nothing_at_all"),
        pytest.param({"waits_for": '["gevent"]'}, "one.toml:6: 'gevent' is nothing to wait for", id="wait"),
        pytest.param({"colour": '"red"'}, "one.toml:6: unknown key 'colour'", id="unknown_key"),
        pytest.param({"reason": '"'}, "one.toml:5: not TOML", id="not_toml"),
        pytest.param(
            {"cells": '["agent_runtime/*/plain_script/warns_when_it_blocks_a_loop"]'},
            "names no cell that claims anything; see `python -m matrix list`",
            id="cell_that_claims_nothing",
        ),
        pytest.param(
            {"waits_for": '["context:trio_run"]'},
            "one.toml:6: matrix/contexts/trio_run.py is there now; add its cells",
            id="waits_for_what_is_there",
        ),
    ],
)
def test_wrong_regression_file_breaks_the_run_with_line_and_what_to_write(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: Mapping[str, str], said: str
) -> None:
    folder.mkdir()
    lines = [f"{key} = {value}" for key, value in {**REGRESSION, **changes}.items()]
    (folder / "one.toml").write_text("\n".join(lines), encoding="utf-8")

    assert main(["import-issue", "--summary", "--regressions", str(folder)]) == 3

    assert said in capsys.readouterr().err


def test_run_of_a_report_judges_its_cells_and_no_others(toy: Toy, tmp_path: Path, folder: Path) -> None:
    toy.context().probe("works").probe("works_in_a_forked_child")
    write_regression(folder, "one", 'cells = ["agent_runtime/*/script/works_in_a_forked_child"]')
    results = tmp_path / "results"
    where = ["--registry", str(toy.root), "--regressions", str(folder), "--results", str(results)]

    code = main(["run", "--json", "--report", "one", *where])

    summary = json.loads((results / "matrix.json").read_text(encoding="utf-8"))
    assert code == 0
    assert summary["results"] == {"agent_runtime/toy/script/works_in_a_forked_child": "pass"}


def test_run_of_a_report_holds_another_bridge_to_it(toy: Toy, tmp_path: Path, folder: Path) -> None:
    toy.context().probe("works").peer("loses", "return {}")
    write_regression(folder, "one", 'cells = ["agent_runtime/*/script/works"]')
    results = tmp_path / "results"
    where = ["--registry", str(toy.root), "--regressions", str(folder), "--results", str(results)]

    code = main(["run", "--json", "--report", "one", "--target", "loses", *where])

    summary = json.loads((results / "matrix.json").read_text(encoding="utf-8"))
    assert code == 1
    assert summary["results"] == {"loses/toy/script/works": "fail"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--report", "oen"), "no report 'oen' in", id="no_such_report"),
        pytest.param(
            ("--report", "waiting"), "no cell reproduces report 'waiting' yet; it waits for", id="waiting"
        ),
        pytest.param(("--report", "one", "--probe", "S1"), "--report names cells; leave out", id="probe_too"),
    ],
)
def test_run_of_a_report_that_has_no_cells_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    write_regression(folder, "one", 'cells = ["agent_runtime/*/script/works"]')
    write_regression(folder, "waiting", 'waits_for = ["context:somewhere"]')

    assert main(["run", *arguments, "--regressions", str(folder)]) == 2
    assert said in capsys.readouterr().err


def test_summary_of_a_folder_that_is_not_there_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import-issue", "--summary", "--regressions", str(folder)]) == 2
    assert "there is no such folder; --regressions names" in capsys.readouterr().err


def test_malformed_files_are_all_listed(folder: Path) -> None:
    for name in ("one", "two"):
        write_regression(folder, name, "cells = 1")

    with pytest.raises(RegressionError) as refused:
        read_regressions(folder)

    assert len(refused.value.problems) == 2


def write_regression(folder: Path, name: str, line: str) -> None:
    folder.mkdir(exist_ok=True)
    text = f'id = "{name}"\ntitle = "t"\nfamily = "fork"\nreason = "r"\n{line}\n'
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
