"""What a search has found, for readers and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix.chains import links_of
from matrix.recorded import repeat_command

if TYPE_CHECKING:
    from matrix.bisection.chain import Shortened
    from matrix.bisection.seen import Seen
    from matrix.bisection.versions import Flipped

__all__ = ("flipped_as_data", "lines_of_flipped", "lines_of_shortened", "shortened_as_data", "step")


def step(name: str, seen: Seen) -> str:
    """Return one step of a search as a line; a detail follows where nothing was told."""
    more = f"\n    {seen.detail}" if seen.times and not seen.tells and seen.detail else ""
    return f"  {name}: {seen.word}{more}"


def lines_of_shortened(found: Shortened) -> list[str]:
    """Return what there is to say of a chain."""
    seen, cell = found.seen, found.cell
    whole = found.whole.context
    if cell is None:
        return [*_no_answer(whole, seen), *([f"nothing to shorten: {whole} passes"] if seen.tells else [])]
    number = len(found.links or ())
    if not number:
        head = f"no context is needed: it fails so in {cell.context}, too"
    elif number == len(links_of(whole)):
        head = f"every link is needed: {cell.context}"
    else:
        head = f"the smallest chain: {cell.context}; without any of its links it does not fail so"
    if number == 1:
        head = f"one context is enough: {cell.context}"
    flaky = [name for name, one in found.tried.items() if one.flaky]
    return [
        head,
        f"  {seen.failure}: {seen.detail}",
        *([f"  flaky, and taken for another outcome: {', '.join(flaky)}"] if flaky else []),
        f"  {repeat_command(cell)}",
    ]


def shortened_as_data(found: Shortened) -> dict[str, object]:
    """Return it as plain data."""
    return {
        "kind": "chain",
        "cell": found.whole.id,
        "failure": found.seen.failure,
        "flaky": found.seen.flaky,
        "links": None if found.links is None else list(found.links),
        "smallest": None if found.cell is None else found.cell.id,
        "steps": {name: seen.as_data() for name, seen in _steps_of(found).items()},
    }


def lines_of_flipped(found: Flipped, *, what: str) -> list[str]:
    """Return what there is to say of a row of versions of ``what``."""
    first, last = found.row[0], found.row[-1]
    if found.flip is None:
        troubled = [name for name in (first, last) if not found.seen[name].tells]
        if troubled:
            return [line for name in troubled for line in _no_answer(f"{what} {name}", found.seen[name])]
        return [f"it does not flip: {found.ends[0].failure} with {what} {first} and with {last}"]
    before, after = found.row[found.flip.last], found.row[found.flip.first]
    good, bad = found.ends
    if found.flip.between:
        untold = ", ".join(found.row[index] for index in found.flip.between)
        head = (
            f"it flips after {what} {before}, and not after {after}; between them nothing is told: {untold}"
        )
    else:
        head = f"it flips between {what} {before} and {after}: the first bad one is {after}"
    return [head, f"  {before}: {good.failure}", *_with_detail(after, bad)]


def _with_detail(name: str, seen: Seen) -> list[str]:
    return [f"  {name}: {seen.failure}" + (f": {seen.detail}" if seen.detail else "")]


def flipped_as_data(found: Flipped, *, kind: str, what: str) -> dict[str, object]:
    """Return it as plain data."""
    flip = found.flip
    return {
        "kind": kind,
        "cell": found.cell.id,
        "of": what,
        "row": list(found.row),
        "last_good": None if flip is None else found.row[flip.last],
        "first_bad": None if flip is None else found.row[flip.first],
        "between": [] if flip is None else [found.row[index] for index in flip.between],
        "steps": {name: seen.as_data() for name, seen in found.seen.items()},
    }


def _steps_of(found: Shortened) -> dict[str, Seen]:
    return {found.whole.context: found.seen, **found.tried}


def _no_answer(name: str, seen: Seen) -> list[str]:
    """Return why nothing can be found where one place tells nothing."""
    if seen.flaky:
        return [
            f"{name} is flaky ({seen.word.removeprefix('flaky: ')}), so no search can go by it: {seen.detail}"
        ]
    if not seen.tells:
        return [f"{name} tells nothing: {seen.word}: {seen.detail}" if seen.times else f"{name}: {seen.word}"]
    return []
