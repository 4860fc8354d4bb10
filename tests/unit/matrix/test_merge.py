"""Shards put together: nothing is lost or double, nothing is of other code, and the worst control counts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.cells import Selection, select
from matrix.costs import Costs
from matrix.judged import ExitCode, RunResult
from matrix.merge import MergeError, Part, conclude_parts, verify_parts
from matrix.model import Cell, HangClass, Outcome, Phase
from matrix.origin import Origin
from matrix.record import Record
from matrix.recorded import read_run
from matrix.registry import Registry
from matrix.run import lost_cells
from matrix.shard import shards_of
from matrix.targets import is_broken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.helpers.registries import Toy

FINGERPRINT = {
    "python": "3.11.9", "implementation": "CPython", "gil": True, "system": "Linux", "release": "6.1",
    "machine": "x86_64", "sys_platform": "linux", "os_name": "posix", "packages": {"PyYAML": "6.0"},
}  # fmt: skip


def run(toy: Toy, results: Path, *arguments: str) -> int:
    where = ["--registry", str(toy.root), "--expectations", str(toy.root / "expectations.toml")]
    return main(["run", "--jobs", "2", "--results", str(results), *where, *arguments])


def merge(toy: Toy, results: Path, *folders: Path) -> int:
    where = ["--registry", str(toy.root), "--expectations", str(toy.root / "expectations.toml")]
    return main(["merge", *map(str, folders), "--results", str(results), *where])


def test_merged_shards_are_the_run_of_the_whole(four: Toy, tmp_path: Path) -> None:
    four.probe("fails", "raise ValueError(run(None, {}))")
    main(["lock", "--write", "--registry", str(four.root)])
    shards = [tmp_path / f"shard-{number}" for number in (1, 2, 3)]

    whole = run(four, tmp_path / "whole")
    codes = [run(four, folder, "--shard", f"{number}/3") for number, folder in enumerate(shards, 1)]
    merged = merge(four, tmp_path / "merged", *shards)

    assert (whole, merged, max(codes)) == (1, 1, 1)
    one, other = read_run(tmp_path / "whole"), read_run(tmp_path / "merged")
    assert outcomes(one.records) == outcomes(other.records)
    assert other.complete
    assert (tmp_path / "merged" / "accept-failure.patch").is_file()
    hosts = {(record["host"], record["context"], str(record["target"])[:7]) for record in other.records}
    assert len({number for number, _, _ in hosts}) == len(hosts)


def outcomes(records: object) -> dict[str, str]:
    assert isinstance(records, tuple)
    return {record["cell"]: record["outcome"] for record in records}


def test_lock_is_checked_where_the_whole_is_there(four: Toy, tmp_path: Path) -> None:
    main(["lock", "--write", "--registry", str(four.root)])
    four.probe("new")
    shards = [tmp_path / "1", tmp_path / "2"]

    codes = [run(four, folder, "--shard", f"{number}/2") for number, folder in enumerate(shards, 1)]

    assert codes == [0, 0]
    assert merge(four, tmp_path / "merged", *shards) == 1


def test_entry_is_stale_when_its_cells_pass_in_all_shards(four: Toy, tmp_path: Path) -> None:
    known = (
        '[[expectation]]\ncells = "agent_runtime/*/*/first"\noutcome = "fail"\nreason = "so"\nissue = "#1"\n'
    )
    (four.root / "expectations.toml").write_text(known, encoding="utf-8")
    shards = [tmp_path / "1", tmp_path / "2"]
    for number, folder in enumerate(shards, 1):
        run(four, folder, "--shard", f"{number}/2")

    assert merge(four, tmp_path / "merged", *shards) == 1
    summary = json.loads((tmp_path / "merged" / "matrix.json").read_text(encoding="utf-8"))
    assert [one["fault"] for one in summary["objections"]] == ["stale"]


def parts_of(toy: Toy, count: int = 2) -> list[Part]:
    """Return parts of the gate in which everything is well."""
    return well(toy.registry(), Selection(), count)


def well(registry: Registry, selection: Selection, count: int) -> list[Part]:
    """Return parts of a selection in which everything is well."""
    whole = select(registry, selection)
    return [
        Part(
            f"part {number}",
            Origin.of(registry, selection, whole, shard=(number, count)),
            FINGERPRINT,
            tuple(Record(cell, Outcome.FAIL if is_broken(cell.target) else Outcome.PASS) for cell in cells),
        )
        for number, cells in enumerate(shards_of(registry, whole, count, costs=Costs()), 1)
    ]


def of_targets(part: Part, start: str) -> list[Record]:
    """Return a part's records of targets whose name begins so."""
    return [record for record in part.records if record.cell.target.startswith(start)]


def with_outcome(part: Part, record: Record, outcome: Outcome) -> Part:
    """Return a part in which one record has another outcome."""
    others = tuple(one for one in part.records if one is not record)
    return replace(part, records=(*others, replace(record, outcome=outcome)))


def _without_a_record(parts: list[Part]) -> list[Part]:
    own = of_targets(parts[0], "agent_runtime")
    return [replace(parts[0], records=tuple(one for one in parts[0].records if one != own[0])), *parts[1:]]


def _with_a_record_twice(parts: list[Part]) -> list[Part]:
    more = of_targets(parts[1], "agent_runtime")[0]
    return [replace(parts[0], records=(*parts[0].records, more)), *parts[1:]]


def _without_a_control(parts: list[Part]) -> list[Part]:
    control = of_targets(parts[1], "control")[0]
    return [parts[0], replace(parts[1], records=tuple(one for one in parts[1].records if one != control))]


def _with_a_control_twice(parts: list[Part]) -> list[Part]:
    control = of_targets(parts[1], "control")[0]
    return [parts[0], replace(parts[1], records=(*parts[1].records, control))]


def _without_controls(parts: list[Part]) -> list[Part]:
    return [replace(part, records=tuple(of_targets(part, "agent_runtime"))) for part in parts]


def _with_a_foreign_record(parts: list[Part]) -> list[Part]:
    foreign = Record(Cell("bridge", "toy", "alpha", "first"), Outcome.PASS)
    return [replace(parts[0], records=(*parts[0].records, foreign)), *parts[1:]]


def _of_other_code(parts: list[Part]) -> list[Part]:
    return [parts[0], replace(parts[1], origin=replace(parts[1].origin, code="0", commit="c0ffee"))]


def _of_another_selection(parts: list[Part]) -> list[Part]:
    other = replace(parts[1].origin, selection=Selection(probes=("first",)))
    return [parts[0], replace(parts[1], origin=other)]


def _on_another(**facts: object) -> Callable[[list[Part]], list[Part]]:
    return lambda parts: [parts[0], replace(parts[1], fingerprint={**FINGERPRINT, **facts})]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(lambda _: [], "there is no part; name the folders", id="none"),
        pytest.param(
            lambda parts: parts[:1],
            "shard 2/2 is missing; run it: python -m matrix run --shard 2/2",
            id="missing",
        ),
        pytest.param(
            lambda parts: [*parts, parts[0]], "shard 1/2 is there 2 times: part 1, part 1", id="twice"
        ),
        pytest.param(_without_a_record, "no record of ", id="lost_record"),
        pytest.param(_with_a_record_twice, "judged more than once: ", id="record_twice"),
        pytest.param(_without_a_control, "part 2: no record, or several, of control/", id="lost_control"),
        pytest.param(_with_a_control_twice, "part 2: no record, or several, of ", id="control_twice"),
        pytest.param(_without_controls, "no record of control/toy/", id="no_controls_at_all"),
        pytest.param(_with_a_foreign_record, "not of this selection: bridge/toy/alpha/first", id="foreign"),
        pytest.param(_of_other_code, "part 2: it is of other code (commit c0ffee)", id="other_code"),
        pytest.param(_of_another_selection, "it is a part of another run than part 1", id="other_selection"),
        pytest.param(_on_another(python="3.12.1"), "python 3.12.1 against 3.11.9", id="other_python"),
        pytest.param(_on_another(gil=False), "gil False against True", id="free_threaded"),
        pytest.param(_on_another(system="Darwin"), "system Darwin against Linux", id="other_system"),
        pytest.param(_on_another(packages={"PyYAML": "5.4"}), "PyYAML 5.4 against 6.0", id="other_package"),
        pytest.param(_on_another(packages={}), "PyYAML missing against 6.0", id="package_missing"),
    ],
)
def test_parts_that_make_no_whole_are_refused(
    four: Toy, spoil: Callable[[list[Part]], list[Part]], sentence: str
) -> None:
    with pytest.raises(MergeError) as caught:
        verify_parts(four.registry(), spoil(parts_of(four)))

    assert sentence in str(caught.value)
    assert len(caught.value.problems) == 1


def judged(toy: Toy, parts: list[Part]) -> RunResult:
    return conclude_parts(toy.registry(), parts, expectations=toy.root / "expectations.toml")


@pytest.mark.parametrize("number", [0, 1])
def test_control_that_is_uncaught_in_one_shard_outranks_the_others_and_every_green(
    four: Toy, number: int
) -> None:
    parts = parts_of(four)
    control = of_targets(parts[number], "control")[0]
    assert judged(four, parts).exit_code is ExitCode.EXPECTED

    parts[number] = with_outcome(parts[number], control, Outcome.PASS)

    result = judged(four, parts)
    assert result.exit_code is ExitCode.BROKEN
    assert [one.cell for one in result.unexpected] == [control.cell]
    assert result.unexpected[0].uncaught


def test_chain_of_contexts_is_merged_by_a_process_that_has_not_heard_of_it(tmp_path: Path) -> None:
    names = [
        f"agent_runtime/run_workflow/{context}/times_out"
        for context in ("asyncio_run", "asyncio_run+executor_thread")
    ]
    parts = well(Registry(), Selection(cells=tuple(names)), 2)

    result = conclude_parts(Registry(), parts, expectations=tmp_path / "none.toml")

    assert sorted(one.cell.id for one in result.judged) == sorted(names)


def test_near_miss_that_one_shard_rejects_outranks_the_others(four: Toy) -> None:
    parts = parts_of(four.control("odd", more="passes=('first',), context='alpha'"))
    near_miss = of_targets(parts[1], "near_miss")[0]
    parts[1] = with_outcome(parts[1], near_miss, Outcome.FAIL)

    assert judged(four, parts).exit_code is ExitCode.BROKEN


def test_missing_shard_of_a_selection_is_named_with_the_command_that_runs_it(four: Toy) -> None:
    chosen = Selection(entry_points=("t*",), probes=("first", "alone"))
    one = Origin.of(four.registry(), chosen, (), shard=(2, 3), changed="c0ffee")

    assert one.command == (
        "python -m matrix run --entry-point 't*' --probe first,alone --changed c0ffee --shard 2/3"
    )


def test_shards_that_changes_were_made_between_are_refused(four: Toy, tmp_path: Path) -> None:
    shards = [tmp_path / "1", tmp_path / "2"]
    run(four, shards[0], "--shard", "1/2")
    with (four.root / "probes" / "first.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    run(four, shards[1], "--shard", "2/2")

    assert merge(four, tmp_path / "merged", *shards) == 3


def test_merging_into_a_shard_is_refused(
    four: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert merge(four, tmp_path / "1", tmp_path / "1", tmp_path / "2") == 3
    assert "it holds a shard, which would be overwritten; write --results OTHER" in capsys.readouterr().err


def test_record_comes_back_from_its_line_as_it_was() -> None:
    record = replace(
        Record(Cell("a", "b", "c", "d"), Outcome.HANG, "detail", Phase.CALL, HangClass.DEADLOCK, "seen"),
        seconds=1.5,
        entered=0.25,
        host=3,
        strays=("sleep 9", "cat"),
        facts={"x": 1},
        fingerprint={"python": "3"},
        observations={"o": "1"},
    )

    assert Record.from_data(json.loads(record.as_line(verdict="ok", more=1))) == record


def test_cell_without_a_record_is_an_error_of_the_matrix() -> None:
    cells = [Cell("a", "b", "c", probe) for probe in ("x", "y", "z")]

    assert [(one.cell.probe, one.outcome) for one in lost_cells(cells, {cells[0], cells[2]})] == [
        ("y", Outcome.ERROR)
    ]
