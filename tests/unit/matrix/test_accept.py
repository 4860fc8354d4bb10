"""The patch of a red gate: git applies it, and what it accepts is green in the next run."""

from __future__ import annotations

import datetime
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.accept import Acceptance
from matrix.cells import Selection, select
from matrix.gate import Gate
from matrix.judged import RunResult, judge_record
from matrix.model import Outcome
from matrix.patch import unified
from matrix.patterns import covers
from matrix.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.registries import Toy

TODAY = datetime.date(2026, 11, 21)
FAILS = "raise ValueError(run(None, {}))"


class Repository:
    """A git repository with a toy registry, its expectations and its lock."""

    def __init__(self, toy: Toy, folder: Path) -> None:
        self.toy = toy
        self.folder = folder
        self.expectations = toy.root / "expectations.toml"
        self.results = folder / "results"
        self.git("init", "-q")
        toy.context("alpha").context("beta").probe("works").probe("fails", FAILS)

    def git(self, *arguments: str) -> None:
        """Run git in the repository; it must end well."""
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def expect(self, *entries: str, head: str = "# known failures\n\n") -> None:
        """Write the file of expectations."""
        self.expectations.write_text(head + "\n".join(entries), encoding="utf-8")

    def lock(self) -> None:
        """Write the lock."""
        assert main(["lock", "--write", "--registry", str(self.toy.root)]) == 0

    def run(self) -> int:
        """Run the gate in real hosts; return its exit code."""
        where = ["--registry", str(self.toy.root), "--expectations", str(self.expectations)]
        return main(["run", *where, "--results", str(self.results), "--today", str(TODAY)])

    def judge(self, failing: str = "agent_runtime/*/*/fails", **selection: tuple[str, ...]) -> int:
        """Judge the gate as if some cells had failed and all others had passed; return its exit code.

        The patches go where a run has them.
        """
        chosen = Selection(**selection)
        registry = self.toy.registry()
        gate = Gate.of(registry, self.expectations, whole=chosen == Selection(), today=TODAY)
        records = [
            Record(cell, Outcome.FAIL, signature="fail-1")
            if cell.target == "control" or covers(failing, cell)
            else Record(cell, Outcome.PASS)
            for cell in select(registry, chosen)
        ]
        result = gate.conclude(RunResult(tuple(judge_record(record, gate.known) for record in records)))
        self.results.mkdir(exist_ok=True)
        (result.acceptance or Acceptance()).write(self.results)
        return result.exit_code

    def apply(self, name: str) -> None:
        """Apply one part of the patch of the last run with git."""
        self.git("apply", str(self.results / name))

    def fill_in(self) -> None:
        """Give every new entry a reason and an issue."""
        text = self.expectations.read_bytes().decode()
        filled = text.replace('reason = ""', 'reason = "so it is"').replace('issue = ""', 'issue = "#2"')
        assert filled != text
        self.expectations.write_bytes(filled.encode())


def entry(cells: str, *more: str, outcome: str = "fail", reason: str = "so") -> str:
    lines = [
        "[[expectation]]",
        f"cells = {cells}",
        f'outcome = "{outcome}"',
        f'reason = "{reason}"',
        'issue = "#1"',
    ]
    return "\n".join([*lines, *more]) + "\n"


KNOWN_FAILURE = entry('"agent_runtime/*/*/fails"')


@pytest.fixture
def repository(toy: Toy, tmp_path: Path) -> Repository:
    made = Repository(toy, tmp_path)
    made.expect(KNOWN_FAILURE)
    made.lock()
    return made


def test_green_gate_leaves_no_patch_behind(repository: Repository) -> None:
    repository.results.mkdir()
    (repository.results / "accept-fix.patch").write_text("of an earlier run", encoding="utf-8")

    assert repository.run() == 0
    assert not list(repository.results.glob("*.patch"))


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([KNOWN_FAILURE, entry('"agent_runtime/*/*/works"')], id="stale"),
        pytest.param([entry('"agent_runtime/*/*/works"'), KNOWN_FAILURE], id="stale_before_another"),
        pytest.param([entry('"agent_runtime/*/*/*"', "# the end")], id="too_broad"),
        pytest.param([KNOWN_FAILURE, entry('"agent_runtime/*/*/gone"')], id="dead"),
        pytest.param([entry('["agent_runtime/*/*/fails", "agent_runtime/*/*/gone"]')], id="dead_in_a_list"),
        pytest.param([KNOWN_FAILURE, KNOWN_FAILURE], id="duplicate"),
        pytest.param([KNOWN_FAILURE, entry('"agent_runtime/*/alpha/fails"', outcome="hang")], id="in_part"),
        pytest.param(
            [
                "# why\n" + entry('"agent_runtime/*/*/works"', reason="] [[expectation]]"),
                "# all\n" + KNOWN_FAILURE,
            ],
            id="with_comments",
        ),
    ],
)
def test_first_part_accepts_what_is_fixed(repository: Repository, entries: list[str]) -> None:
    repository.expect(*entries)

    assert repository.judge() == 1
    assert not (repository.results / "accept-failure.patch").exists()
    repository.apply("accept-fix.patch")

    assert repository.judge() == 0


def test_first_part_keeps_comments_and_entries_that_are_not_concerned(repository: Repository) -> None:
    repository.expect("# mine\n" + entry('"agent_runtime/*/*/works"'), "# stays\n" + KNOWN_FAILURE)

    repository.judge()
    repository.apply("accept-fix.patch")

    assert (
        repository.expectations.read_text(encoding="utf-8") == "# known failures\n\n# stays\n" + KNOWN_FAILURE
    )


def test_first_part_brings_the_lock_up_to_date(repository: Repository) -> None:
    repository.toy.context("gamma").probe("more")
    (repository.toy.root / "probes" / "works.py").unlink()

    assert repository.judge() == 1
    repository.apply("accept-fix.patch")

    assert repository.judge() == 0


def test_second_part_is_refused_until_each_entry_has_reason_and_issue(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.toy.probe("works", FAILS)

    assert repository.run() == 1
    printed = capsys.readouterr().out
    repository.apply("accept-failure.patch")
    assert repository.run() == 3
    refused = capsys.readouterr().err
    repository.fill_in()

    assert repository.run() == 0
    assert '+cells = "agent_runtime/*/*/works"' in printed
    assert "To accept what fails, and then give each entry a reason and an issue: git apply" in printed
    assert "reason is empty; say in a sentence what is known of the failure" in refused
    assert "issue is empty; name where it is being worked on" in refused


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([], id="no_entries"),
        pytest.param([entry('"agent_runtime/*/*/*"', outcome="hang")], id="another_outcome"),
        pytest.param([entry('"agent_runtime/*/*/fails"', 'signature = "fail-0"')], id="another_signature"),
        pytest.param([entry('"agent_runtime/*/alpha/*"')], id="too_broad_and_too_narrow"),
        pytest.param([entry('"agent_runtime/*/*/fails"', "expires = 2026-11-20")], id="expired"),
        pytest.param([entry('["agent_runtime/*/*/works"]', "expires = 2026-01-01")], id="expired_and_stale"),
        pytest.param(
            [entry('"agent_runtime/*/*/fails"', "condition = \"sys_platform == 'plan9'\"", outcome="hang")],
            id="fails_otherwise_elsewhere",
        ),
    ],
)
def test_both_parts_one_after_the_other_make_the_gate_green(
    repository: Repository, entries: list[str]
) -> None:
    repository.expect(*entries)

    assert repository.judge() == 1
    for name in ("accept-fix.patch", "accept-failure.patch"):
        if (repository.results / name).exists():
            repository.apply(name)
    repository.fill_in()

    assert repository.judge() == 0


def test_expired_entry_gets_a_later_day_and_asks_for_its_reason_again(repository: Repository) -> None:
    repository.expect(entry('"agent_runtime/*/*/fails"', "expires = 2026-11-20", reason="will be repaired"))

    repository.judge()
    repository.apply("accept-failure.patch")
    text = repository.expectations.read_text(encoding="utf-8")

    assert '# was: reason = "will be repaired"\nreason = ""\n' in text
    assert "expires = 2027-02-19" in text


def test_error_and_uncaught_control_have_no_part_in_the_patch(repository: Repository) -> None:
    repository.toy.probe("works", "pass").probe("blind", broken="return run")
    repository.lock()

    assert repository.run() == 3
    assert not list(repository.results.glob("*.patch"))


def test_patch_of_a_part_of_the_gate_keeps_what_an_entry_says_of_other_cells(repository: Repository) -> None:
    repository.expect(KNOWN_FAILURE, entry('"agent_runtime/*/*/works"'))

    assert repository.judge(contexts=("alpha",)) == 1
    repository.apply("accept-fix.patch")

    assert 'cells = "agent_runtime/toy/beta/works"' in repository.expectations.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="line_ends_of_windows"),
        pytest.param(lambda text: text.rstrip("\n"), id="no_end_of_the_last_line"),
        pytest.param(lambda text: text.replace('"so"', '"naïve \u2028 so"'), id="letters_beyond_ascii"),
    ],
)
def test_patch_applies_to_a_file_however_it_is_written(repository: Repository, change: object) -> None:
    assert callable(change)
    before = KNOWN_FAILURE + "\n" + entry('"agent_runtime/*/*/works"')
    repository.expectations.write_bytes(change(before).encode())
    repository.toy.probe("another")
    repository.lock()
    failing = "agent_runtime/*/alpha/*"

    assert repository.judge(failing) == 1
    repository.apply("accept-fix.patch")
    repository.apply("accept-failure.patch")
    repository.fill_in()

    assert repository.judge(failing) == 0
    assert (b"\r\n" in repository.expectations.read_bytes()) == ("\r\n" in change(before))


def test_patch_makes_a_file_of_expectations_where_there_is_none(repository: Repository) -> None:
    repository.expectations.unlink()

    assert repository.judge() == 1
    repository.apply("accept-failure.patch")
    repository.fill_in()

    assert repository.judge() == 0


def test_patch_names_files_from_the_root_of_the_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    path = tmp_path / "a folder" / "known failures.toml"
    path.parent.mkdir()
    path.write_text("old\n", encoding="utf-8")

    patch = unified(path, "old\n", "new\n")
    subprocess.run(["git", "apply"], input=patch.encode(), cwd=tmp_path, check=True)

    assert path.read_text(encoding="utf-8") == "new\n"


def test_json_holds_objections_and_patches(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.expect(KNOWN_FAILURE, entry('"agent_runtime/*/*/works"'))
    where = ["--registry", str(repository.toy.root), "--expectations", str(repository.expectations)]
    capsys.readouterr()

    assert main(["run", "--json", "--results", str(repository.results), *where]) == 1

    printed = json.loads(capsys.readouterr().out)
    assert [(one["fault"], one["line"]) for one in printed["objections"]] == [("stale", 10)]
    assert printed["accept"]["fix"] == (repository.results / "accept-fix.patch").read_text(encoding="utf-8")
    assert printed["accept"]["failure"] == ""
