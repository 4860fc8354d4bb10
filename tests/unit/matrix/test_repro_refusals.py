"""Cells whose hosts start programs: they have a script, unless the program needs the checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.model import Cell
from matrix.registry import Registry
from matrix.repro.compared import clean_place
from matrix.repro.sources import FlattenError
from matrix.repro.verb import script_of

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

NEEDS_THE_CHECKOUT = """
from matrix.model import Context, Facts

CONTEXT = Context("script", summary="toy", facts=Facts(None, False, True))

PROGRAM = '''
from matrix.child import Job
'''


def host(job):
    exec(PROGRAM)
"""


@pytest.mark.parametrize(
    "context",
    [
        "atexit_cold",
        "celery_prefork",
        "debugpy_breakpoint",
        "late_thread",
        "uwsgi_second_app",
        "uwsgi_worker",
    ],
)
def test_script_of_a_host_that_starts_a_program_shows_what_the_gate_says(context: str) -> None:
    cell = Cell("agent_runtime", "run_workflow", context, "returns_the_async_value")
    for package in Registry().context(context).statement.requires:
        pytest.importorskip(package)

    with clean_place() as place:
        shown = place.run(cell, place.write(Registry(), cell))

    assert (shown.outcome, shown.output[-2000:]) == ("pass", shown.output[-2000:])


def test_cell_whose_host_starts_a_program_of_the_checkout_is_refused_with_what_to_run(toy: Toy) -> None:
    toy.write("contexts", "script", NEEDS_THE_CHECKOUT).probe()
    cell = Cell("agent_runtime", "toy", "script", "works")

    with pytest.raises(FlattenError, match=f"python -m matrix run --cell {cell.id}"):
        script_of(Registry(toy.root), cell)
