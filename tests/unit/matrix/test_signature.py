"""Signatures: the same failure has the same one, in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.signature import signature_of

if TYPE_CHECKING:
    from tests.helpers.registries import Toy


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("took 3.25 s", "took 12 s", id="numbers"),
        pytest.param("<X object at 0x7f01a2>", "<X object at 0x55e9>", id="addresses"),
        pytest.param("in /tmp/a1/x.py", "in /home/u/x.py", id="folders"),
        pytest.param("in C:\\Users\\u\\x.py", "in D:\\a\\x.py", id="folders_on_windows"),
        pytest.param(
            "run 4f9d2c1ab3e84f0c9d2c1ab3e84f0c9d",
            "run 0a1b2c3d-1111-4222-8333-abcdefabcdef",
            id="identifiers",
        ),
    ],
)
def test_signature_is_the_same_from_run_to_run(one: str, other: str) -> None:
    assert signature_of("E", one) == signature_of("E", other)


def test_signature_tells_types_and_texts_apart() -> None:
    rows = [
        ("builtins.ValueError", "loop is closed"),
        ("builtins.RuntimeError", "loop is closed"),
        ("builtins.ValueError", "loop is running"),
    ]

    assert len({signature_of(*row) for row in rows}) == len(rows)


def test_failed_cell_carries_the_signature_of_its_exception(toy: Toy) -> None:
    toy.context().probe("late", "run(None, {})\nraise ValueError(f'after {time.time()} s')")
    toy.write("probes", "late", "import time\n" + (toy.root / "probes" / "late.py").read_text())

    first, second = toy.run()["late"], toy.run()["late"]

    assert first.detail != second.detail
    assert first.signature == second.signature == signature_of("builtins.ValueError", first.detail)
