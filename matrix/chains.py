"""Chains of contexts: ``asyncio_run+executor_thread`` is the second one entered inside the first.

A chain is a context like any other, but no file: it exists from the moment its name is asked for. Each link's
own host brings it about, where the link before it would have performed a cell, and each link is held to its
facts right there.
"""

from __future__ import annotations

import traceback
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol

from matrix.facts import as_data, contradictions, observe_here
from matrix.model import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matrix.model import AnyFunction, Cell, Facts, Run

__all__ = ("SEPARATOR", "ChainError", "Link", "Performer", "Spot", "chained", "links_of", "stated_facts")

SEPARATOR = "+"


class ChainError(ValueError):
    """A name is no chain of contexts; the text says which link cannot stand where it stands, and why."""


def links_of(name: str) -> tuple[str, ...]:
    """Return the names of the contexts in a chain, the outermost first; of a plain context its own."""
    return tuple(name.split(SEPARATOR))


def chained(name: str, known: Mapping[str, Context]) -> Context:
    """Return what a chain states.

    Its facts are those of the innermost link, but for what that keeps of those around it.

    Args:
        name: the chain.
        known: the contexts that there are.

    Raises:
        ChainError: a link is no context, or cannot be entered where it stands.
    """
    for link in links_of(name):
        if link not in known:
            near = ", ".join(get_close_matches(link, known, n=3, cutoff=0.4)) or ", ".join(known)
            raise ChainError(f"{name!r}: {link!r} is no context; nearest: {near}")
    links = [known[link] for link in links_of(name)]
    platforms = [set(link.platforms) for link in links if link.platforms]
    return Context(
        name,
        summary=", and inside that: ".join(link.summary for link in links),
        facts=stated_facts(links)[-1],
        requires=tuple(dict.fromkeys(package for link in links for package in link.requires)),
        platforms=tuple(sorted(set.intersection(*platforms))) if platforms else (),
        min_python=max(link.min_python for link in links),
        enter_limit=sum(link.enter_limit for link in links),
        call_limit=max(link.call_limit for link in links),
        exit_limit=sum(link.exit_limit for link in links),
    )


def stated_facts(links: Sequence[Context]) -> list[Facts]:
    """Return what has to be true inside each link of a chain.

    Raises:
        ChainError: a link cannot be entered where it stands.
    """
    facts: list[Facts] = []
    for number, link in enumerate(links):
        if number == 0:
            facts.append(link.facts)
            continue
        _must_fit(links[:number], link, facts[-1])
        assert link.inside is not None
        kept = {fact: getattr(facts[-1], fact) for fact in link.inside.keeps}
        facts.append(replace(link.facts, **kept))
    return facts


def _must_fit(before: Sequence[Context], link: Context, around: Facts) -> None:
    """Raise if a link cannot be entered inside the links before it."""
    place = SEPARATOR.join(one.name for one in before)
    if link.inside is None:
        raise ChainError(
            f"{link.name} cannot be entered inside another context; write it first, or leave it out"
        )
    if link.inside.no_loop and around.running_loop is not None:
        raise ChainError(
            f"{link.name} needs a thread in which no event loop runs, and in {place} one runs;"
            f" write a thread between: {place}+executor_thread+{link.name}"
        )
    if link.inside.main_thread and not around.main_thread:
        raise ChainError(
            f"{link.name} needs the main thread, and {place} is not in it; write it before the thread"
        )
    if not link.inside.again and link in before:
        raise ChainError(f"{link.name} cannot stand in a chain twice; leave one of them out")


class Link(Protocol):
    """A context with its functions, as the registry has it."""

    @property
    def statement(self) -> Context:
        """What the context states."""

    @property
    def functions(self) -> Mapping[str, AnyFunction]:
        """The functions of its file."""


class Performer(Protocol):
    """The job that the spots of a chain belong to."""

    def judge(self, cell: Cell, evidence: Mapping[str, str] | None, *, chain: Sequence[object]) -> None:
        """Judge a cell right here and send its record, with what was seen at the outer links."""

    def fault(self, cell: Cell, detail: str, *, trace: str = "", chain: Sequence[object]) -> None:
        """Send a record that says that a cell could not be performed."""

    def run_of(self, cell: Cell) -> Run:
        """Return the callable under test of a cell."""


class Spot:
    """The place inside some links of a chain: the job as the host of the last of them sees it.

    What that host performs here is the next link; inside the last one it is the cell.

    Args:
        job: whose cells these are.
        links: all links of the chain.
        cells: what is to be performed here.
        depth: how many links are around this place.
        seen: what was seen at the outer ones, as data.
    """

    def __init__(
        self,
        job: Performer,
        links: Sequence[Link],
        cells: tuple[Cell, ...],
        *,
        depth: int = 1,
        seen: Sequence[object] = (),
    ) -> None:
        self.cells = cells
        self.reached = False
        self._job = job
        self._links = links
        self._depth = depth
        self._seen = seen

    def run_of(self, cell: Cell) -> Run:
        """Return the callable under test of a cell, for hosts that are inside a call themselves."""
        return self._job.run_of(cell)

    def perform(self, cell: Cell, *, evidence: Mapping[str, str] | None = None) -> None:
        """Hold this place to its facts and enter the next link here; inside the last one, judge the cell."""
        self.reached = True
        if self._depth == len(self._links):
            self._job.judge(cell, evidence, chain=self._seen)
            return
        link = self._links[self._depth - 1].statement
        here = observe_here(evidence)
        stated = stated_facts([one.statement for one in self._links[: self._depth]])[-1]
        seen = [*self._seen, {"context": link.name, **as_data(here)}]
        wrong = contradictions(stated=stated, seen=here)
        if wrong:
            self._job.fault(cell, f"context degenerated: {link.name}: {'; '.join(wrong)}", chain=seen)
            return
        self._enter(cell, seen)

    def _enter(self, cell: Cell, seen: Sequence[object]) -> None:
        link = self._links[self._depth]
        place = SEPARATOR.join(one.statement.name for one in self._links[: self._depth])
        inside = Spot(self._job, self._links, (cell,), depth=self._depth + 1, seen=seen)
        host: Callable[[Spot], object] = link.functions["host"]
        failed = f"{link.statement.name} could not be entered inside {place}"
        try:
            host(inside)
        except BaseException as error:
            if inside.reached:
                raise
            text = f"{failed}: {type(error).__name__}: {error}"
            self._job.fault(cell, text, trace=traceback.format_exc(), chain=seen)
        else:
            if not inside.reached:
                self._job.fault(cell, f"{failed}: its host ended and had performed nothing", chain=seen)
