"""The end of a run over interpreters: one table, version x suite, that is Markdown and aligned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matrix.interpreters.suites import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matrix.interpreters.found import Interpreter
    from matrix.interpreters.suites import Result

__all__ = ("Row", "as_table")


@dataclass
class Row:
    """What is known of one version.

    Attributes:
        name: the version, as declarations name it.
        interpreter: what was found; None if there is none here.
        results: what each suite came to.
        left_out: what could not be installed, and why.
        trouble: why there is no environment for it; empty if there is one.
    """

    name: str
    interpreter: Interpreter | None = None
    results: dict[str, Result] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def is_red(self) -> bool:
        """Whether something failed; what was not found has not failed."""
        return bool(self.trouble) or any(
            result.verdict is not Verdict.PASS for result in self.results.values()
        )

    def cells(self, suites: Sequence[str]) -> list[str]:
        """Return the texts of the row."""
        if self.interpreter is None:
            return [self.name, *["not found"] * len(suites), ""]
        results = [
            str(self.results.get(suite, self.trouble.partition("\n")[0] or "not run")) for suite in suites
        ]
        left_out = "; ".join(f"{name} {reason}" for name, reason in self.left_out.items())
        return [f"{self.name} ({self.interpreter.release})", *results, left_out or "nothing"]


def as_table(rows: Sequence[Row], suites: Sequence[str]) -> str:
    """Return the table, with a line end."""
    header = ["Python", *suites, "left out"]
    body = [row.cells(suites) for row in rows]
    widths = [max(len(cells[column]) for cells in [header, *body]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *body]
    return "".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    )
