"""Which cells have no script of their own, and what the refusal says."""

from __future__ import annotations

import pytest

from matrix.model import Cell
from matrix.plan import does_not_apply
from matrix.registry import Registry
from matrix.repro.sources import FlattenError
from matrix.repro.verb import script_of

PROGRAMS_OF_THEIR_OWN = ("celery_prefork", "debugpy_breakpoint", "uwsgi_second_app", "uwsgi_worker")
"""Contexts whose hosts start a program that joins the job: it needs the checkout."""


def has_a_script(registry: Registry, cell: Cell) -> bool:
    """Whether a cell means something here, and can be shown without the checkout."""
    return cell.context not in PROGRAMS_OF_THEIR_OWN and does_not_apply(registry, cell) is None


@pytest.mark.parametrize("context", PROGRAMS_OF_THEIR_OWN)
def test_cell_whose_host_starts_a_program_of_the_checkout_is_refused_with_what_to_run(context: str) -> None:
    cell = Cell("agent_runtime", "run_workflow", context, "returns_the_async_value")

    with pytest.raises(FlattenError, match=f"python -m matrix run --cell {cell.id}"):
        script_of(Registry(), cell)
