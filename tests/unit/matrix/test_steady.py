"""``steady``: runs of the same code are held against each other, and what differs is told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.markdown import marked
from matrix.recorded import read_run
from matrix.steadiness import RunSaid, Said, Steadiness, line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.helpers.registries import Toy

ROOT = Path(__file__).parents[3]
killing_needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals of POSIX")
# Fails in the second run, and only there.
FAILS_ONCE = """
outputs = run(None, {{"n": 1}})
with open({file!r}, "a") as file:
    file.write("x")
    expect(got=file.tell() != 2, wanted=True, of="this is not the second time")
"""
# Waits until it is killed, without need of a limit: its host goes when the run does.
WAITS = "parent = os.getppid()\nwhile os.getppid() == parent: run(None, {})\nos._exit(1)"


def arguments(toy: Toy, folder: Path, *options: str, times: int = 2) -> list[str]:
    """Return a command line that runs a registry of toys some times, without controls."""
    where = ["--registry", str(toy.root), "--expectations", str(toy.root / "none.toml"), "--jobs", "1"]
    run = ["--target", "agent_runtime", *where]
    return ["steady", "--times", str(times), "--results", str(folder), *options, "--", *run]


def told(folder: Path) -> Mapping[str, object]:
    data = json.loads((folder / "steady.json").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def test_runs_that_say_the_same_are_counted_and_one_of_them_is_kept(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context("alpha").context("beta").probe()

    assert main(arguments(toy, tmp_path / "steady", times=3)) == 0

    data = told(tmp_path / "steady")
    assert [data[name] for name in ("runs", "cells", "cell_runs", "false_alarms")] == [3, 2, 6, 0]
    assert (data["unsteady"], data["red_in_every_run"]) == ([], 0)
    assert sorted(path.name for path in (tmp_path / "steady").iterdir()) == ["run-1", "steady.json"]
    assert "**6 cell runs, 0 false alarms**" in capsys.readouterr().out


def test_cell_that_is_red_in_one_run_is_a_false_alarm_and_its_run_is_kept(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().probe("wavers", FAILS_ONCE.format(file=str(tmp_path / "times")))

    assert main(arguments(toy, tmp_path / "steady", times=3)) == 1

    cell = "agent_runtime/toy/script/wavers"
    data = told(tmp_path / "steady")
    assert data["false_alarms"] == 1
    assert data["unsteady"] == [{"cell": cell, "verdicts": ["ok", "regression", "ok"]}]
    assert read_run(tmp_path / "steady" / "run-2").by_cell()[cell]["outcome"] == "fail"
    assert not (tmp_path / "steady" / "run-3").exists()
    assert f"{cell}: 2 x ok, 1 x regression; run 2 differs from run 1" in capsys.readouterr().out


def test_cell_that_is_red_in_all_runs_is_no_false_alarm(toy: Toy, tmp_path: Path) -> None:
    toy.context().probe("fails", "raise ValueError(run(None, {}))")

    assert main(arguments(toy, tmp_path / "steady")) == 0

    data = told(tmp_path / "steady")
    assert (data["false_alarms"], data["red_in_every_run"]) == (0, 1)


def test_code_that_is_changed_between_two_runs_ends_it(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = str(toy.root / "probes" / "_notes.py")
    toy.context().probe("edits", f"open({notes!r}, 'a').write('# more\\n'); run(None, {{}})")

    assert main(arguments(toy, tmp_path / "steady")) == 3
    assert "run 2 of 2 is of other code than run 1" in capsys.readouterr().err


@killing_needs_signals
def test_run_that_does_not_come_to_its_end_ends_it(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe("a_first").probe("dies", "run(None, {}); os.kill(os.getppid(), signal.SIGKILL)")

    assert main(arguments(toy, tmp_path / "steady")) == 3
    assert "run 1 of 2 ended with -9: " in capsys.readouterr().err
    assert not (tmp_path / "steady" / "steady.json").exists()


@killing_needs_signals
def test_what_was_counted_stays_when_a_later_run_does_not_come_to_its_end(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "times")
    dies = f"""
    open({file!r}, 'a').write('x')
    run(None, {{}})
    if os.path.getsize({file!r}) == 3:
        os.kill(os.getppid(), signal.SIGKILL)
    """
    toy.context().probe("a_first").probe("dies", dies)

    assert main(arguments(toy, tmp_path / "steady", times=5)) == 3
    assert "run 3 of 5 ended with -9: " in capsys.readouterr().err
    assert [told(tmp_path / "steady")[name] for name in ("runs", "cell_runs")] == [2, 4]


def test_option_that_run_does_not_know_is_a_usage_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["steady", "--results", str(tmp_path), "--", "--no-such-option"]) == 2
    assert "unrecognized arguments: --no-such-option" in capfd.readouterr().err


def test_one_run_is_refused_since_nothing_can_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["steady", "--times", "1"])

    assert caught.value.code == 2
    assert "write a number from 2 on" in capsys.readouterr().err


def test_sentence_is_written_into_a_document_and_the_data_beside_it(toy: Toy, tmp_path: Path) -> None:
    toy.context().probe()
    document = tmp_path / "page.md"
    document.write_text(f"# Before\n\n{marked('steady', 'old')}\n\nAfter\n", encoding="utf-8")

    assert main(arguments(toy, tmp_path / "steady", "--write", str(document))) == 0

    data = told(tmp_path)
    assert data == told(tmp_path / "steady")
    assert document.read_text(encoding="utf-8") == (
        f"# Before\n\n{marked('steady', line_of(data))}\n\nAfter\n"
    )


def test_document_without_markers_is_refused_before_anything_runs(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe()
    document = tmp_path / "page.md"
    document.write_text("nothing\n", encoding="utf-8")

    assert main(arguments(toy, tmp_path / "steady", "--write", str(document))) == 2
    assert "<!-- steady:begin -->" in capsys.readouterr().err
    assert not (tmp_path / "steady").exists()


def test_earlier_runs_are_removed_and_nothing_else_is(toy: Toy, tmp_path: Path) -> None:
    toy.context().probe()
    others = [tmp_path / "mine.txt", tmp_path / "run-of-mine" / "notes.txt"]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    old = tmp_path / "run-7"
    old.mkdir()
    (old / "matrix.ndjson").write_text("", encoding="utf-8")

    assert main(arguments(toy, tmp_path)) == 0

    assert all(path.read_text(encoding="utf-8") == "mine" for path in others)
    assert not old.exists()


@killing_needs_signals
def test_terminating_it_ends_the_run_that_goes_on_and_waits_for_it(toy: Toy, tmp_path: Path) -> None:
    toy.context().probe("a_first").probe("b_waits", WAITS, more="limit=900.0")
    command = [sys.executable, "-m", "matrix", *arguments(toy, tmp_path / "steady")]
    going = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    records = tmp_path / "steady" / "run-1" / "matrix.ndjson"

    try:
        while not (records.is_file() and records.read_bytes()):
            assert going.poll() is None
        going.send_signal(signal.SIGTERM)
    finally:
        going.communicate(timeout=60)

    assert going.returncode == 130
    # The run itself has said so, hence it has ended before; one that was left behind could not have.
    assert read_run(tmp_path / "steady" / "run-1").summary["interrupted"] is True


def said(**verdicts: str) -> RunSaid:
    cells = {cell: Said(verdict, "pass") for cell, verdict in verdicts.items()}
    return RunSaid("c0de", "c0ffee", "CPython 3.11.7 on Linux", cells, len(cells), 2.0)


def test_cell_that_is_missing_from_a_run_is_unsteady() -> None:
    found = Steadiness("run", [said(a="ok", b="ok"), said(a="ok")])

    assert [one.as_line() for one in found.unsteady] == ["b: 1 x ok, 1 x missing; run 2 differs from run 1"]
    assert found.as_data()["false_alarms"] == 1


def test_other_outcome_with_the_same_verdict_is_told_and_is_no_alarm() -> None:
    first, second = ({"a": Said("ok", outcome)} for outcome in ("fail", "hang"))
    runs = [RunSaid("c0de", "c0ffee", "here", cells, 1, 1.0) for cells in (first, second)]

    data = Steadiness("run", runs).as_data()

    assert (data["unsteady"], data["other_outcome_same_verdict"]) == ([], ["a"])


def test_sentence_says_what_was_run_where_and_how_often() -> None:
    data = Steadiness("python -m matrix run", [said(a="ok", b="regression")] * 20).as_data()

    assert line_of(data) == (
        "20 runs of `python -m matrix run`, on CPython 3.11.7 on Linux, commit `c0ffee`: 2 cells, **40 cell"
        " runs, 0 false alarms**, 1.0 cells a second in the median. 1 cell is red in every run."
    )
