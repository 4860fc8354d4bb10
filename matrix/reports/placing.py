"""A report to family, contexts, probes and cells; and what is missing, where that does not work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from matrix.reports.families import FAMILIES, Family
from matrix.reports.places import PLACES, Place
from matrix.reports.report import Kind, Report, ReportError
from matrix.targets import AGENT_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from matrix.registry import Registry

__all__ = ("Because", "Hints", "Placement", "place")

# Where a situation is looked for: in what names it first, in what merely mentions something last.
_ORDER = (Kind.PLACE, Kind.CODE, Kind.PACKAGE, Kind.ERROR, Kind.TEXT)
# Which passages tell a family, by which of its patterns; the first that any family is told by decide.
_TELLING = (
    ({Kind.PLACE, Kind.PACKAGE}, "situation"),
    ({Kind.ERROR}, "error"),
    ({Kind.PLACE, Kind.CODE, Kind.TEXT}, "text"),
)


@dataclass(frozen=True)
class Hints:
    """What the command line says of a report; empty where it leaves that to the report's own words."""

    family: str = ""
    contexts: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Because:
    """Why a report was placed so.

    Attributes:
        what: what was told, and by which words.
        line: where those words stand in the report; 0 for nowhere.
    """

    what: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.what} in line {self.line}" if self.line else self.what


@dataclass(frozen=True)
class Placement:
    """Where a report belongs.

    Attributes:
        report: which one.
        family: what goes wrong; None if its words do not tell.
        cells: patterns of the cells that reproduce it, ``TARGET/ENTRY_POINT/CONTEXT/PROBE``.
        waits_for: contexts and probes that do not exist and without which it is not, or not wholly,
            reproduced: ``context:gevent_patched``, ``probe:NAME``.
        because: what told each of these.
        doubts: what could not be told, with what to say on the command line instead.
    """

    report: Report
    family: Family | None
    cells: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    because: tuple[Because, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """How far it is placed: ``mapped``, ``partly``, ``waiting`` or ``unplaced``."""
        if self.family is None or not (self.cells or self.waits_for):
            return "unplaced"
        if not self.waits_for:
            return "mapped"
        return "partly" if self.cells else "waiting"


@dataclass
class _Notes:
    """What is found on the way."""

    because: list[Because] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    waits_for: list[str] = field(default_factory=list)


def place(registry: Registry, report: Report, hints: Hints | None = None) -> Placement:
    """Return where a report belongs, as far as its words and the command line tell.

    Raises:
        ReportError: a family that is none is named, or a context or probe that is not there.
    """
    hints = hints or Hints()
    notes = _Notes()
    family = _family(report, hints, notes)
    if family is None:
        return Placement(report, None, doubts=tuple(notes.doubts))
    _must_exist(registry, "context", hints.contexts)
    _must_exist(registry, "probe", hints.probes)
    given = {"--context": hints.contexts, "--probe": hints.probes}
    notes.because += [Because(f"{', '.join(names)}: {option}") for option, names in given.items() if names]
    probes = hints.probes or _probes(registry, family, report, notes)
    contexts = hints.contexts or _contexts(registry, family, report, notes)
    pairs = [(context, probe) for context in contexts for probe in probes if _means(registry, context, probe)]
    if probes and contexts and not pairs:
        left_out = f"{', '.join(probes)} claims nothing in {', '.join(contexts)}"
        notes.because.append(Because(f"{left_out}, but in {', '.join(family.contexts)}"))
        pairs = [(one, probe) for one in family.contexts for probe in probes if _means(registry, one, probe)]
    cells = tuple(f"{AGENT_RUNTIME}/*/{context}/{probe}" for context, probe in pairs)
    return Placement(report, family, cells, tuple(notes.waits_for), tuple(notes.because), tuple(notes.doubts))


def _family(report: Report, hints: Hints, notes: _Notes) -> Family | None:
    named = hints.family or report.family
    if named:
        known = {family.name: family for family in FAMILIES}
        if named not in known:
            where = "--family" if hints.family else f"{report.file}:{report.line}: family"
            raise ReportError(f"{where} {named!r} is none that is known; write one of {', '.join(known)}")
        notes.because.append(Because(f"family: named {'with --family' if hints.family else 'by the report'}"))
        return known[named]
    for kinds, attribute in _TELLING:
        found = _told_by(report, kinds, attribute)
        best = _most_told(found)
        if len(best) > 1:
            besides = _told_by(report, {Kind.ERROR, Kind.CODE, Kind.TEXT}, "words")
            best = [name for name in best if name in besides] or best
        if len(best) == 1:
            first = found[best[0]][0]
            notes.because.append(Because(f"family: {first.what}", first.line))
            return next(family for family in FAMILIES if family.name == best[0])
        if best:
            choice = "; ".join(f"{name} ({found[name][0]})" for name in best)
            notes.doubts.append(f"the family may be {choice}: choose with --family")
            return None
    names = ", ".join(family.name for family in FAMILIES)
    notes.doubts.append(f"no words of a known family; choose with --family: {names}")
    return None


def _told_by(report: Report, kinds: Container[Kind], attribute: str) -> dict[str, list[Because]]:
    """Return, for each family, the words of passages of some kinds that tell it."""
    found: dict[str, list[Because]] = {}
    for passage in report.passages:
        for family in FAMILIES if passage.kind in kinds else ():
            words = re.search(getattr(family, attribute), passage.text, re.IGNORECASE)
            if words is not None:
                found.setdefault(family.name, []).append(Because(repr(words[0]), passage.line))
    return found


def _most_told(found: Mapping[str, Sequence[Because]]) -> list[str]:
    """Return the families that most passages tell."""
    most = max(map(len, found.values()), default=0)
    return [name for name, words in found.items() if len(words) == most]


def _probes(registry: Registry, family: Family, report: Report, notes: _Notes) -> list[str]:
    text = "\n".join(passage.text for passage in report.passages)
    return _existing(registry, "probe", dict.fromkeys(claim.probe for claim in family.meant_by(text)), notes)


def _contexts(registry: Registry, family: Family, report: Report, notes: _Notes) -> list[str]:
    for kind in _ORDER:
        told = _places(report, kind)
        if told:
            notes.because += [
                Because(f"{', '.join(one.contexts)}: {words.what}", words.line) for one, words in told
            ]
            return _of_places(registry, [one for one, _ in told], notes)
    notes.because.append(Because(f"{', '.join(family.contexts)}: the report names no situation"))
    return _existing(registry, "context", family.contexts, notes)


def _places(report: Report, kind: Kind) -> list[tuple[Place, Because]]:
    """Return the situations that passages of one kind tell, each with the first words that do."""
    found: list[tuple[Place, Because]] = []
    for one in PLACES:
        for passage in report.of_kind(kind):
            words = one.names_itself_in(passage.text)
            if words is not None:
                shown = words[0].strip().splitlines()[0]
                found.append((one, Because(repr(shown), passage.line)))
                break
    return found


def _of_places(registry: Registry, places: Iterable[Place], notes: _Notes) -> list[str]:
    chosen: list[str] = []
    for one in places:
        here = _existing(registry, "context", one.contexts, notes)
        chosen += here or one.stand_ins
    return list(dict.fromkeys(chosen))


def _existing(registry: Registry, kind: str, names: Iterable[str], notes: _Notes) -> list[str]:
    """Return those names that the registry has; the others are waited for."""
    names, known = tuple(names), registry.names(f"{kind}s")
    notes.waits_for += [f"{kind}:{name}" for name in names if name not in known]
    return [name for name in names if name in known]


def _must_exist(registry: Registry, kind: str, names: Iterable[str]) -> None:
    known = registry.names(f"{kind}s")
    for name in names:
        if name not in known:
            near = ", ".join(get_close_matches(name, known, n=3, cutoff=0.4)) or ", ".join(known)
            raise ReportError(f"--{kind} {name!r}: there is no matrix/{kind}s/{name}.py; nearest: {near}")


def _means(registry: Registry, context: str, probe: str) -> bool:
    """Whether a probe claims something in a context, on whatever system."""
    facts = registry.context(context).statement.facts
    return registry.probe(probe).statement.skip_when(facts) is None
