"""Runs read back from their files: what is refused, and what two of them differ in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.compare import compare
from matrix.model import Cell, Outcome
from matrix.promises import promises
from matrix.record import SCHEMA, Record
from matrix.recorded import RecordedError, read_run
from tests.helpers.runs import usual_record, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.registries import Toy

WORKS = Cell("agent_runtime", "toy", "script", "works")
LEAKS = Cell("agent_runtime", "toy", "script", "leaks")
CONTROL = Cell("control", "toy", "script", "works")


@pytest.fixture
def small(toy: Toy) -> Toy:
    """One context, two probes: two cells and their controls."""
    return toy.context("script").probe("works").probe("leaks")


def differences(before: Path, after: Path) -> list[tuple[str, str, str, str]]:
    changes = compare(read_run(before), read_run(after)).changes
    return [(change.kind.value, change.cell, change.before, change.after) for change in changes]


def test_run_that_was_written_is_read_back_whole(small: Toy, tmp_path: Path) -> None:
    write_run(tmp_path, small, [Record(WORKS, Outcome.HANG, "waits", stacks="Thread 1")])

    run = read_run(tmp_path)

    assert run.complete
    assert run.environments() == ["CPython 3.11.7 on Linux"]
    assert run.by_cell()[WORKS.id]["stacks"] == "Thread 1"
    assert run.by_cell()[WORKS.id]["sentence"] == "hang: waits"
    assert run == read_run(tmp_path / "matrix.ndjson").__class__(str(tmp_path), run.records, run.summary)


def test_text_that_no_encoding_knows_is_written_and_read_back(small: Toy, tmp_path: Path) -> None:
    detail = "a lone surrogate \udc80, a null \0, a line\u2028separator"
    write_run(tmp_path, small, [Record(WORKS, Outcome.FAIL, detail)])

    assert read_run(tmp_path).by_cell()[WORKS.id]["detail"] == detail


def test_runs_that_are_alike_differ_in_nothing(small: Toy, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, small)

    assert differences(tmp_path / "a", tmp_path / "b") == []
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        pytest.param(Outcome.PASS, Outcome.HANG, "broke", id="passed_and_hangs"),
        pytest.param(Outcome.CRASH, Outcome.PASS, "fixed", id="crashed_and_passes"),
        pytest.param(Outcome.FAIL, Outcome.HANG, "changed", id="failed_and_hangs"),
        pytest.param(Outcome.PASS, Outcome.SKIP, "changed", id="passed_and_is_skipped"),
    ],
)
def test_cell_with_another_outcome_differs_in_its_kind(
    small: Toy, tmp_path: Path, before: Outcome, after: Outcome, kind: str
) -> None:
    write_run(tmp_path / "a", small, [Record(WORKS, before, "so")])
    write_run(tmp_path / "b", small, [Record(WORKS, after, "so")])

    assert differences(tmp_path / "a", tmp_path / "b") == [(kind, WORKS.id, before.value, after.value)]


def test_control_breaks_when_its_probe_no_longer_notices(small: Toy, tmp_path: Path) -> None:
    write_run(tmp_path / "a", small)
    write_run(tmp_path / "b", small, [Record(CONTROL, Outcome.PASS)])

    assert differences(tmp_path / "a", tmp_path / "b") == [("broke", CONTROL.id, "fail", "pass")]


def test_cells_of_one_run_only_are_new_or_gone(small: Toy, tmp_path: Path) -> None:
    write_run(tmp_path / "a", small, without=[WORKS.id])
    write_run(tmp_path / "b", small, without=[LEAKS.id])

    assert differences(tmp_path / "a", tmp_path / "b") == [
        ("new", WORKS.id, "", "pass"),
        ("gone", LEAKS.id, "pass", ""),
    ]


def test_cell_that_was_judged_in_several_environments_is_compared_in_each(small: Toy, tmp_path: Path) -> None:
    for name, failing in (("a", ""), ("b", "3.12.1")):
        write_run(tmp_path / name, small)
        lines = [
            usual_record(WORKS).as_data() | {"fingerprint": {"implementation": "CPython", "python": python}}
            for python in ("3.11.7", "3.12.1")
        ]
        for line in lines:
            line["outcome"] = "fail" if line["fingerprint"]["python"] == failing else "pass"  # type: ignore[index]  # plain data
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / name / "matrix.ndjson").write_text(text, encoding="utf-8")

    assert differences(tmp_path / "a", tmp_path / "b") == [
        ("broke", f"{WORKS.id} on CPython 3.12.1", "pass", "fail")
    ]


def test_compare_command_prints_what_broke_first_and_ends_in_1(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "a", small, [Record(LEAKS, Outcome.FAIL, "one thread more")])
    write_run(tmp_path / "b", small, [Record(WORKS, Outcome.HANG, "waits\nfor ever")])

    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 1

    assert capsys.readouterr().out.splitlines() == [
        f"before: {tmp_path / 'a'}: 4 cells, CPython 3.11.7 on Linux",
        f"after: {tmp_path / 'b'}: 4 cells, CPython 3.11.7 on Linux",
        f"broke   {WORKS.id}  pass -> hang: waits for ever",
        f"fixed   {LEAKS.id}  fail -> pass",
        "2 differ: 1 broke, 1 fixed; 2 alike",
    ]


def test_compare_command_prints_json_and_nothing_else(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "a", small)
    write_run(tmp_path / "b", small, [Record(WORKS, Outcome.FAIL, "lost")])

    assert main(["compare", "--json", str(tmp_path / "a"), str(tmp_path / "b")]) == 1

    printed = json.loads(capsys.readouterr().out)
    assert printed["kinds"] == {"broke": 1}
    assert printed["changes"] == [
        {"cell": WORKS.id, "kind": "broke", "before": "pass", "after": "fail", "detail": "lost"}
    ]
    assert printed["after"]["cells"] == 4


def test_run_that_was_killed_while_it_wrote_is_read_and_called_incomplete(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, small)
    (tmp_path / "matrix.json").unlink()
    with (tmp_path / "matrix.ndjson").open("a", encoding="utf-8") as records:
        records.write('{"schema":1,"cell":"agent_run')

    assert main(["compare", str(tmp_path), str(tmp_path)]) == 0
    assert len(read_run(tmp_path).records) == 4
    assert "4 cells, CPython 3.11.7 on Linux; it did not come to its end" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        pytest.param("{", "matrix.ndjson:1: not JSON", id="not_json"),
        pytest.param("[]", "matrix.ndjson:1: not a record; expected an object", id="not_an_object"),
        pytest.param(f'{{"schema":{SCHEMA},"cell":"a/b/c/d"}}', "with `cell` and `outcome`", id="no_outcome"),
        pytest.param('{"schema":9,"cell":"a/b/c/d","outcome":"pass"}', "schema 9; this", id="other_schema"),
        pytest.param(
            f'{{"schema":{SCHEMA},"cell":"a/b","outcome":"pass"}}', "'a/b' is not a cell", id="not_a_cell"
        ),
        pytest.param("", "it holds no record", id="empty"),
    ],
)
def test_file_that_holds_no_run_is_refused_with_its_line(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "matrix.ndjson").write_text(line + "\n", encoding="utf-8")

    with pytest.raises(RecordedError) as caught:
        read_run(tmp_path)

    assert sentence in str(caught.value)


def test_folder_without_a_run_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 2
    assert main(["page", str(tmp_path), "--write", str(tmp_path / "page.html")]) == 2

    assert "name a folder that `python -m matrix run --results` has written" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_promises_come_from_the_contract_in_its_words(tmp_path: Path) -> None:
    found = promises()

    assert list(found) == [f"S{number}" for number in range(1, 21)]
    assert found["S1"][0] == "Value"
    assert all(text and "Probes:" not in text for _, text in found.values())
    assert promises(tmp_path / "no.md") == {}
