"""The explanation of a cell as text: a label on the left, what is known on the right."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from matrix.targets import is_broken, is_near_miss

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matrix.explain.about import About, Part
    from matrix.model import Facts

__all__ = ("as_lines",)

LABEL = 14
WIDTH = 100
"""Columns of the text beside its label: what fits on a laptop's terminal."""


def as_lines(about: About) -> list[str]:
    """Return what to print of a cell."""
    number, title, text, place = about.promise
    return [
        about.cell.id,
        "",
        *_labelled("target", _part(about.target)),
        *_labelled("entry point", _part(about.entry_point)),
        *_labelled("context", [*_part(about.context), *_facts(about.facts)]),
        *_labelled("probe", [*_part(about.probe), *_process(about)]),
        *_labelled("promise", [f"{number} {title}".rstrip(), *_paragraphs(text), *filter(None, [place])]),
        *_labelled("controls", _controls(about)),
        *_labelled("expected", _expected(about)),
        *_labelled("seen", _seen(about)),
        "",
        *(f"{purpose:<{LABEL}}{command}" for purpose, command in about.commands.items()),
    ]


def _labelled(label: str, lines: Iterable[str]) -> list[str]:
    first, *rest = lines
    return [f"{label:<{LABEL}}{first}", *(f"{'':<{LABEL}}{line}".rstrip() for line in rest)]


def _part(part: Part) -> list[str]:
    needs = [f"needs {', '.join(part.needs)}"] if part.needs else []
    return [*textwrap.wrap(part.text, WIDTH), part.place, *needs]


def _facts(facts: Facts) -> list[str]:
    loops = facts.running_loop if isinstance(facts.running_loop, tuple) else (facts.running_loop,)
    stated = {
        "running loop": " or ".join(loop or "none" for loop in loops),
        "a task is current": "yes" if facts.current_task else "no",
        "main thread": "yes" if facts.main_thread else "no",
        "notebook kernel": "yes" if facts.kernel else "no",
        **facts.evidence,
    }
    return [
        "must be true there, or the cell is an error:",
        *(f"  {name}: {said}" for name, said in stated.items()),
    ]


def _process(about: About) -> list[str]:
    own = "a host process of its own; " if about.isolated else ""
    limits = about.limits
    hangs = f"hangs after {limits.call:g} s, its context after {limits.enter:g} s"
    return [f"{own}{hangs}, its end after {limits.exit:g} s"]


def _paragraphs(text: str) -> list[str]:
    return [line for part in text.split("\n\n") for line in textwrap.wrap(part, WIDTH)]


def _controls(about: About) -> list[str]:
    """Return what every run of the gate holds the probe against."""
    lines = []
    for one in about.witnesses:
        said = "must let pass" if one.must == "pass" else "must notice"
        lines += [*textwrap.wrap(f"{said} {one.target}: {one.text}", WIDTH), f"  {one.place}"]
    return lines


def _expected(about: About) -> list[str]:
    if about.skipped is not None:
        return [f"skip: {about.skipped}"]
    lines = []
    for entry, holds in about.expected:
        state = "" if holds else " (its condition is not true here)"
        lines.append(f"{entry.failure}{state}: {entry.reason} ({entry.issue})")
        lines.append(f"  {about.expectations}:{entry.table.heading + 1}")
    if any(holds for _, holds in about.expected):
        return lines
    return [*lines, _without_entry(about.cell.target)]


def _without_entry(target: str) -> str:
    if is_broken(target):
        return "fail, or a hang or crash during the call: this bridge is broken on purpose"
    if is_near_miss(target):
        return "pass: this bridge is right, however it looks"
    return "pass: no known failure speaks of it"


def _seen(about: About) -> list[str]:
    if not about.seen:
        return ["no run is at hand; --results names the folder of one"]
    return [line for one in about.seen for line in one.lines()]
