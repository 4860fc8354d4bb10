"""Which cells a command line means, and what it says of a name that does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.batch import batches
from matrix.cells import Selection, SelectionError, select
from matrix.model import Cell, Outcome
from matrix.plan import in_ci, plan
from matrix.registry import RegistryError
from tests.helpers.registries import ENTRY_POINT

if TYPE_CHECKING:
    from tests.helpers.registries import Toy


@pytest.fixture
def full(toy: Toy) -> Toy:
    toy.write(
        "entry_points",
        "run_workflow",
        (toy.root / "entry_points" / "toy.py").read_text().replace('"toy"', '"run_workflow"'),
    )
    toy.context("alpha_script").context("beta_thread").probe("first").probe("second")
    return toy.peer("bridge", "return asyncio.run(source.run_async(inputs))")


def ids(toy: Toy, **parts: tuple[str, ...]) -> list[str]:
    return [cell.id for cell in select(toy.registry(), Selection(**parts))]


def test_gate_is_our_own_entry_points_and_one_control_for_each_context_and_probe(full: Toy) -> None:
    found = ids(full)

    assert len([one for one in found if one.startswith("agent_runtime/")]) == 2 * 2 * 2
    assert [one for one in found if one.startswith("control/")] == [
        "control/run_workflow/alpha_script/first",
        "control/run_workflow/alpha_script/second",
        "control/run_workflow/beta_thread/first",
        "control/run_workflow/beta_thread/second",
    ]
    assert not [one for one in found if one.startswith("bridge/")]


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        pytest.param({"targets": ("bridge",)}, 8, id="peer"),
        pytest.param({"targets": ("*",)}, 8 + 4 + 8, id="everything"),
        pytest.param({"targets": ("agent_runtime",), "contexts": ("alpha*",)}, 4, id="pattern"),
        pytest.param({"targets": ("bridge",), "probes": ("first,second",)}, 8, id="list_with_commas"),
        pytest.param({"targets": ("bridge",), "probes": ("first", "first")}, 4, id="same_twice"),
        pytest.param({"targets": ("bridge",), "probes": ("S1",)}, 8, id="promise"),
        pytest.param(
            {"targets": ("control",), "entry_points": ("toy",)}, 4, id="control_through_another_entry_point"
        ),
        pytest.param({"cells": ("bridge/toy/alpha_script/first",)}, 1, id="cell"),
        pytest.param({"cells": ("control/toy/alpha_script/first",)}, 1, id="control_cell"),
        pytest.param({"cells": ("bridge/*/*/first",)}, 4, id="pattern_of_cells"),
    ],
)
def test_selection_means_so_many_cells(full: Toy, parts: dict[str, tuple[str, ...]], number: int) -> None:
    assert len(ids(full, **parts)) == number


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        pytest.param({"targets": ("agent_runtime",)}, 1, id="gate"),
        pytest.param({"targets": ("bridge",)}, 1, id="peer"),
        pytest.param({"targets": ("control",)}, 1, id="controls_of_its_probes_through_their_entry_point"),
        pytest.param({"targets": ("agent_runtime",), "entry_points": ("*",)}, 2, id="entry_points_named"),
        pytest.param({"targets": ("agent_runtime",), "probes": ("*",)}, 2, id="probes_named"),
        pytest.param({"cells": ("agent_runtime/*/costly/*",)}, 4, id="cells"),
    ],
)
def test_gate_judges_of_an_expensive_context_what_that_says(
    full: Toy, parts: dict[str, tuple[str, ...]], number: int
) -> None:
    full.context("costly", more="gate_entry_points=('toy',), gate_probes=('fir*',)")

    assert len([one for one in ids(full, **parts) if "/costly/" in one]) == number


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        pytest.param({"targets": ("agent_runtime",)}, 2, id="gate"),
        pytest.param({"targets": ("agent_runtime",), "contexts": ("*",)}, 2, id="contexts_named"),
        pytest.param({"targets": ("agent_runtime",), "entry_points": ("toy",)}, 4, id="entry_point_named"),
        pytest.param({"cells": ("agent_runtime/toy/*/*",)}, 4, id="cells"),
    ],
)
def test_gate_judges_an_entry_point_in_the_contexts_that_it_names(
    full: Toy, parts: dict[str, tuple[str, ...]], number: int
) -> None:
    full.write(
        "entry_points", "toy", ENTRY_POINT.replace('"toy()"', '"toy()", gate_contexts=("beta_thread",)')
    )

    assert len([one for one in ids(full, **parts) if "/toy/" in one]) == number


def test_entry_point_that_names_a_context_that_does_not_exist_is_refused(toy: Toy) -> None:
    toy.write("entry_points", "toy", ENTRY_POINT.replace('"toy()"', '"toy()", gate_contexts=("scrip",)'))
    toy.context().probe()

    with pytest.raises(
        RegistryError, match="gate_contexts names 'scrip', which is no context; nearest: script"
    ):
        toy.registry().verify()


def test_claim_that_a_context_rules_out_is_a_named_skip(toy: Toy) -> None:
    toy.context(more="without={'wor*': 'nothing works here'}").probe()

    settled = plan(toy.registry(), select(toy.registry(), Selection()), ci=True).settled

    assert {(record.outcome, record.detail) for record in settled} == {(Outcome.SKIP, "nothing works here")}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param(
            "without={'work': 'no'}", "without names 'work', which is no probe; nearest: works", id="without"
        ),
        pytest.param("gate_probes=('wrk*',)", "gate_probes names 'wrk*', which is no probe", id="probe"),
        pytest.param(
            "gate_entry_points=('tony',)",
            "gate_entry_points names 'tony', which is no entry point",
            id="entry_point",
        ),
    ],
)
def test_context_that_names_what_does_not_exist_is_refused(toy: Toy, more: str, sentence: str) -> None:
    toy.context(more=more).probe()

    with pytest.raises(RegistryError, match=r"script\.py") as caught:
        toy.registry().verify()

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        pytest.param(
            {"contexts": ("alpha_scrip",)},
            "no context matches 'alpha_scrip'; nearest: alpha_script",
            id="near",
        ),
        pytest.param({"probes": ("xyz",)}, "no probe matches 'xyz'; there are: first, second", id="far"),
        pytest.param({"targets": ("brige",)}, "nearest: bridge", id="target"),
        pytest.param(
            {"entry_points": ("tpy",)}, "no entry point matches 'tpy'; nearest: toy", id="entry_point"
        ),
        pytest.param(
            {"cells": ("bridge/toy/alpha/first",)}, "no context matches 'alpha'", id="part_of_a_cell"
        ),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(
    full: Toy, parts: dict[str, tuple[str, ...]], sentence: str
) -> None:
    with pytest.raises(SelectionError, match="no ") as caught:
        ids(full, **parts)

    assert sentence in str(caught.value)


def test_word_that_is_not_a_cell_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match="write TARGET/ENTRY_POINT/CONTEXT/PROBE"):
        Cell.parse("plain_script/works")


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [pytest.param(False, Outcome.SKIP, id="locally"), pytest.param(True, Outcome.ERROR, id="in_ci")],
)
def test_missing_package_is_a_named_skip_and_an_error_in_ci(toy: Toy, ci: bool, outcome: Outcome) -> None:
    toy.context(more="requires=('no_such_host', 'json')").probe()

    (record,) = plan(toy.registry(), toy.cells(), ci=ci).settled

    assert record.outcome is outcome
    assert record.detail == "not installed: no_such_host"


def test_missing_package_of_a_peer_concerns_that_peer_alone(toy: Toy) -> None:
    toy.context().probe().peer("bridge", "pass", more="requires=('no_such_bridge',)")

    planned = plan(toy.registry(), [*toy.cells(), *toy.cells("bridge")], ci=False)

    assert [record.cell.target for record in planned.settled] == ["bridge"]


@pytest.mark.parametrize("ci", [False, True])
def test_probe_that_means_nothing_in_a_context_is_skipped_everywhere(toy: Toy, ci: bool) -> None:
    toy.context().probe(more="skip_when=lambda facts: 'needs a loop' if facts.running_loop is None else None")

    (record,) = plan(toy.registry(), toy.cells(), ci=ci).settled

    assert (record.outcome, record.detail) == (Outcome.SKIP, "needs a loop")


def test_context_of_another_system_is_skipped(toy: Toy) -> None:
    toy.context(more="platforms=('plan9',)").probe()

    (record,) = plan(toy.registry(), toy.cells(), ci=True).settled

    assert "does not exist on" in record.detail


def test_context_of_a_later_python_is_skipped(toy: Toy) -> None:
    toy.context(more="min_python=(9, 1)").probe()

    settled = plan(toy.registry(), toy.cells(), ci=True).settled

    assert {record.detail for record in settled} == {"the context does not exist before Python 9.1"}


def test_context_of_an_earlier_python_runs(toy: Toy) -> None:
    toy.context(more="min_python=(3, 11)").probe()

    assert not plan(toy.registry(), toy.cells(), ci=True).settled


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("true", True, id="true"),
        pytest.param("1", True, id="one"),
        pytest.param("", False, id="empty"),
    ],
)
def test_ci_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("CI", value)

    assert in_ci() is expected


def test_cells_of_a_context_share_a_host_and_isolated_and_control_cells_do_not_join_them(toy: Toy) -> None:
    toy.context().probe("a").probe("b").probe("alone", more="isolated=True")
    registry = toy.registry()

    planned = batches([*toy.cells(), *toy.cells("control")], registry.contexts(), registry.probes())

    assert sorted([cell.id for cell in batch.cells] for batch in planned) == [
        ["agent_runtime/toy/script/a", "agent_runtime/toy/script/b"],
        ["agent_runtime/toy/script/alone"],
        ["control/toy/script/a", "control/toy/script/b"],
        ["control/toy/script/alone"],
    ]
