"""What is imported as Markdown, for a document with markers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from matrix.reports.regressions import states

if TYPE_CHECKING:
    from matrix.reports.regressions import Regression

__all__ = ("reports_as_markdown",)


def reports_as_markdown(regressions: list[Regression]) -> str:
    """Return how many reports are mapped, and what the others wait for, as a table."""
    counts = states(regressions)
    waits: dict[str, Counter[str]] = {}
    for one in regressions:
        for name in one.waits_for:
            waits.setdefault(name, Counter())[one.state] += 1
    rows = [
        f"| `{name}` | {states['partly']} | {states['waiting']} |"
        for name, states in sorted(waits.items(), key=lambda item: (-item[1].total(), item[0]))
    ]
    head = (
        f"Of {len(regressions)} reports {counts['mapped']} are mapped, {counts['partly']} partly,"
        f" and {counts['waiting']} wait."
    )
    table = ["| waited for | by reports that are partly mapped | by others |", "|---|---|---|", *rows]
    return "\n".join([head, "", *table])
