"""Shards: the same parts on every machine, whole hosts each, of about the same length, controls in all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.cells import Selection, SelectionError, select
from matrix.costs import Costs, costs_of
from matrix.model import Cell
from matrix.plan import does_not_apply, hosts_of
from matrix.registry import Registry
from matrix.shard import parse_shard, shards_of
from matrix.targets import is_control
from tests.unit.matrix.test_commands import where_of

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

ROOT = Path(__file__).parents[3]


def shards(count: int, costs: Costs | None = None, selection: Selection | None = None) -> list[list[Cell]]:
    """Return the shards of the project's own gate, or of a selection."""
    registry = Registry()
    known = Costs.read(costs_of(registry)) if costs is None else costs
    return shards_of(registry, select(registry, selection or Selection()), count, costs=known)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_each_cell_of_the_gate_is_in_one_shard_and_each_control_in_all(count: int) -> None:
    cells = select(Registry(), Selection())

    times = Counter(cell for part in shards(count) for cell in part)

    assert times == {cell: count if is_control(cell.target) else 1 for cell in cells}


def test_controls_run_among_the_other_cells_of_each_shard_as_they_do_in_the_gate() -> None:
    cells = select(Registry(), Selection())

    for part in shards(3):
        chosen = set(part)
        assert [cell for cell in cells if cell in chosen] == part
        assert sum(is_control(cell.target) for cell in part) > 90
        assert sum(not is_control(cell.target) for cell in part) > 90


def test_near_misses_are_in_each_shard_as_broken_bridges_are() -> None:
    kinds = [{cell.target.partition(":")[0] for cell in part} for part in shards(2)]

    assert kinds == [{"agent_runtime", "control", "near_miss"}] * 2


def test_cells_of_a_host_stay_together() -> None:
    registry = Registry()
    own = [cell for cell in select(registry, Selection()) if not is_control(cell.target)]

    parts = shards(4, Costs())

    owners = {cell: number for number, part in enumerate(parts) for cell in part}
    assert all(len({owners[cell] for cell in host.cells}) == 1 for host in hosts_of(registry, own))


def test_parts_take_about_as_long_by_what_was_measured() -> None:
    registry = Registry()
    costs = Costs.read(costs_of(registry))

    parts = [[cell for cell in part if does_not_apply(registry, cell) is None] for part in shards(4)]

    loads = [sum(map(costs.of, hosts_of(registry, part))) for part in parts]
    assert max(loads) < 1.25 * min(loads)


def test_costly_host_gets_a_shard_for_itself(four: Toy) -> None:
    registry = four.registry()
    cells = select(registry, Selection())
    costly = Cell("agent_runtime", "toy", "beta", "alone")
    costs = Costs(cells={f"{costly.target}/{costly.probe}": 60.0})

    parts = shards_of(registry, cells, 2, costs=costs)

    alike = [cell for cell in cells if (cell.target, cell.probe) == (costly.target, costly.probe)]
    assert [sum(cell in part for cell in alike) for part in parts] == [1, 1]


def test_every_process_makes_the_same_parts(four: Toy) -> None:
    command = [sys.executable, "-m", "matrix", "list", "--shard", "2/3", "--registry", str(four.root)]
    told = {
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(told) == 1
    assert told != {b""}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        pytest.param("*", "shared out among 2 at most; write --shard i/2", id="few"),
        pytest.param("control", "shared out among 0 at most; leave out --shard", id="controls_alone"),
    ],
)
def test_more_shards_than_hosts_are_refused_with_the_number(toy: Toy, target: str, sentence: str) -> None:
    toy.context("alpha").context("beta").probe()
    cells = select(toy.registry(), Selection(targets=(target,)))

    with pytest.raises(SelectionError, match=sentence):
        shards_of(toy.registry(), cells, 3, costs=Costs())


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2", "1/0", ""])
def test_word_that_is_no_shard_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write i/n with i from 1 to n, for example 1/3"):
        parse_shard(text)


def test_costs_are_medians_of_a_run_and_the_usual_ones_are_left_out(toy: Toy, tmp_path: Path) -> None:
    toy.context().probe("quick").probe("slow", "import time; time.sleep(0.5); run(None, {})")
    main(["run", *where_of(toy, tmp_path)])

    assert main(["costs", str(tmp_path / "results"), "--write", "--registry", str(toy.root)]) == 0

    costs = Costs.read(costs_of(toy.registry()))
    assert {"agent_runtime/slow", "control/slow"} <= set(costs.cells)
    assert 0.5 <= costs.cells["agent_runtime/slow"] < 30
    assert 0 < costs.hosts["script"] < 30


def test_file_of_costs_that_holds_something_else_is_refused(toy: Toy) -> None:
    costs_of(toy.registry()).write_text('{"hosts": {"script": "much"}}', encoding="utf-8")

    with pytest.raises(ValueError, match=r"not what hosts and cells cost: .*; write it anew with: python -m"):
        Costs.read(costs_of(toy.registry()))
