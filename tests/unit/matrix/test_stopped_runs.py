"""Runs that are stopped: each record is in its file as soon as it is final, and the rest is not made up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.merge import MergeError, read_parts
from matrix.recorded import read_run
from tests.unit.matrix.test_merge import run

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

ROOT = Path(__file__).parents[3]
killing_needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals of POSIX")


def test_record_is_in_the_file_while_the_run_goes_on(toy: Toy, tmp_path: Path) -> None:
    records = tmp_path / "1" / "matrix.ndjson"
    # Would a run keep its records for itself, the second check could not return, and its cell would hang.
    waits = f"run(None, {{}})\nwhile b'/a_first\"' not in open({str(records)!r}, 'rb').read(): pass"
    toy.context().probe("a_first").probe("b_second", waits)

    assert run(toy, tmp_path / "1", "--target", "agent_runtime", "--jobs", "1") == 0

    lines = records.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["probe"] for line in lines] == ["a_first", "b_second"]


@killing_needs_signals
def test_shard_that_was_killed_is_refused_as_partial(four: Toy, tmp_path: Path) -> None:
    waits = "parent = os.getppid()\nwhile os.getppid() == parent: run(None, {})\nos._exit(1)"
    four.probe("waits", waits, more="isolated=True, limit=900.0")
    command = [sys.executable, "-m", "matrix", "run", "--jobs", "1", "--registry", str(four.root)]
    command += ["--results", str(tmp_path / "1"), "--expectations", str(four.root / "none.toml")]
    going = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    records = tmp_path / "1" / "matrix.ndjson"

    try:
        while not (records.is_file() and records.read_bytes().count(b"\n") >= 2):
            assert going.poll() is None
    finally:
        going.kill()
        going.communicate()

    lines = records.read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line)["schema"] for line in lines[:2])
    assert not read_run(tmp_path / "1").complete
    with pytest.raises(MergeError, match=r"partial: it was stopped after \d+ cells; run it again: python -m"):
        read_parts([tmp_path / "1"])


@killing_needs_signals
def test_interrupted_run_leaves_records_that_can_be_read_and_are_refused_as_a_part(
    four: Toy, tmp_path: Path
) -> None:
    records = tmp_path / "1" / "matrix.ndjson"
    four.probe(
        "second",
        f"""
        run(None, {{}})
        while not os.path.getsize({str(records)!r}):
            pass
        os.kill(os.getppid(), signal.SIGINT)
        threading.Event().wait()
        """,
    )
    command = [
        sys.executable,
        "-m",
        "matrix",
        "run",
        "--registry",
        str(four.root),
        "--results",
        str(tmp_path / "1"),
    ]
    part = ["--target", "agent_runtime", "--context", "alpha", "--probe", "first,second"]

    done = subprocess.run([*command, *part], cwd=ROOT, stdout=subprocess.PIPE, check=False)

    assert done.returncode == 130
    assert read_run(tmp_path / "1").records
    with pytest.raises(MergeError, match="partial: it was stopped after"):
        read_parts([tmp_path / "1"])


@killing_needs_signals
def test_files_of_an_earlier_run_do_not_outlive_the_start_of_the_next(toy: Toy, tmp_path: Path) -> None:
    toy.context().probe("works", "raise ValueError(run(None, {}))")
    results = tmp_path / "results"
    run(toy, results)
    before = {path.name for path in results.iterdir()}
    toy.probe("works", "run(None, {}); os.kill(os.getppid(), signal.SIGKILL)")

    command = [sys.executable, "-m", "matrix", "run", "--registry", str(toy.root), "--results", str(results)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)

    assert done.returncode == -signal.SIGKILL
    assert {"matrix.md", "junit.xml", "matrix.html", "accept-failure.patch"} < before
    assert {path.name for path in results.iterdir()} == {"matrix.ndjson", "matrix.json"}
    assert json.loads((results / "matrix.json").read_text(encoding="utf-8"))["complete"] is False
