"""Judge one cell right here: hold the facts, run the check on the callable under test, say what happened."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from matrix import facts as facts_module
from matrix.findings import Expected, Refused, take_observations
from matrix.model import Cell, OpenSession, Outcome, Run, Source
from matrix.sessions import through_peer
from matrix.signature import signature_of
from matrix.targets import AGENT_RUNTIME, CONTROL, control_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matrix.model import RunAsync, Session
    from matrix.registry import Registry

__all__ = ("Finding", "callable_under_test", "finding_of", "judge_here")

# Texts in a record are for reading; the ends of a traceback are what is read. Both are guesses.
MAX_TRACEBACK = 30_000
MAX_DETAIL = 2_000


@dataclass(frozen=True)
class Finding:
    """What happened in one cell, before anything is known of what was expected."""

    outcome: Outcome
    detail: str = ""
    traceback: str = ""
    signature: str = ""
    seconds: float = 0.0
    observations: Mapping[str, str] = field(default_factory=dict)


class Counted:
    """The callable under test as a probe gets it: remembers whether it was called, and declined."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.called = False
        self.refused: str | None = None

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Run ``source`` through the callable under test."""
        self.called = True
        try:
            return self._run(source, inputs)
        except Refused as refusal:
            self.refused = str(refusal)
            raise


class CountedSessions:
    """The same for a probe that opens sessions."""

    def __init__(self, open_session: OpenSession) -> None:
        self._open_session = open_session
        self.called = False
        self.refused: str | None = None

    def __call__(self, source: Source, /) -> Session:
        """Open a session of ``source`` through the callable under test."""
        self.called = True
        return self._open_session(source)


def callable_under_test(registry: Registry, cell: Cell) -> Run:
    """Return what the cell's target makes of its entry point's ``call``.

    ``agent_runtime`` is the entry point itself, ``control`` the entry point under the probe's own
    ``broken``; any other target is a control or peer whose source is bound to the entry point's async
    variant.

    Raises:
        RegistryError: the cell names something that no file holds.
    """
    functions = registry.entry_point(cell.entry_point).functions
    call = cast("Run", functions["call"])
    probe = registry.probe(cell.probe)
    if cell.target == AGENT_RUNTIME or (cell.target == CONTROL and probe.statement.session):
        return call
    if cell.target == CONTROL:
        return cast("Callable[[Run], Run]", probe.functions["broken"])(call)
    control = control_name(cell.target)
    bridge = registry.peer(cell.target) if control is None else registry.control(control)
    bridged = cast("Run", bridge.functions["call"])
    native = cast("RunAsync", functions["call_async"])

    def run(source: Source, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        return bridged(replace(source, native=native), inputs)

    return run


def sessions_under_test(registry: Registry, cell: Cell) -> OpenSession:
    """Return what the cell's target makes of its entry point's ``open_session``; see above.

    Raises:
        RegistryError: the cell names something that no file holds.
    """
    ours = cast("OpenSession", registry.entry_point(cell.entry_point).functions["open_session"])
    if cell.target == AGENT_RUNTIME:
        return ours
    if cell.target == CONTROL:
        broken = registry.probe(cell.probe).functions["broken"]
        return cast("Callable[[OpenSession], OpenSession]", broken)(ours)
    return through_peer(ours, registry.peer(cell.target).functions)


def judge_here(registry: Registry, cell: Cell, evidence: Mapping[str, str] | None) -> Finding:
    """Hold the facts of this very place against the context's, then run the check; never raises."""
    began = time.monotonic()
    take_observations()
    try:
        finding = _judge(registry, cell, evidence)
    except BaseException as error:  # noqa: BLE001 - a cell ends in a record, whatever it raised
        finding = Finding(Outcome.ERROR, f"the matrix failed: {_sentence(error)}", _text_of(error))
    return replace(finding, seconds=time.monotonic() - began, observations=take_observations())


def _judge(registry: Registry, cell: Cell, evidence: Mapping[str, str] | None) -> Finding:
    stated = registry.context(cell.context).statement.facts
    wrong = facts_module.contradictions(stated=stated, seen=facts_module.observe_here(evidence))
    if wrong:
        return Finding(Outcome.ERROR, f"context degenerated: {'; '.join(wrong)}")
    probe = registry.probe(cell.probe)
    run: Counted | CountedSessions
    if probe.statement.session:
        run = CountedSessions(sessions_under_test(registry, cell))
    else:
        run = Counted(callable_under_test(registry, cell))
    try:
        probe.functions["check"](run)
    except Refused as refusal:  # let through by the check, or raised where items were asked for
        run.refused, finding = str(refusal), Finding(Outcome.REFUSED)
    except BaseException as error:  # noqa: BLE001 - a claim may end in any exception at all
        finding = finding_of(error)
    else:
        finding = finding_of(None)
    if not run.called:
        text = "; it ended in: " + finding.detail if finding.detail else ""
        return replace(finding, outcome=Outcome.ERROR, detail=f"check never called run{text}")
    if run.refused is not None and finding.outcome is not Outcome.PASS:
        refused = run.refused[:MAX_DETAIL]
        signature = signature_of("Refused", refused)
        return replace(finding, outcome=Outcome.REFUSED, detail=refused, signature=signature)
    return finding


def finding_of(error: BaseException | None) -> Finding:
    """Return what a check comes to that raised ``error``, or nothing.

    A claim that ended in an exception nobody expected has failed as much as one that was refuted.
    """
    if error is None:
        return Finding(Outcome.PASS)
    if isinstance(error, Expected):
        detail = str(error)
    elif isinstance(error, AssertionError):
        detail = str(error) or "an assertion failed"
    else:
        detail = f"ended in {_sentence(error)}"
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    signature = signature_of(kind, detail)
    return Finding(Outcome.FAIL, detail[:MAX_DETAIL], _text_of(error), signature)


def _sentence(error: BaseException) -> str:
    try:
        return traceback.format_exception_only(error)[-1].strip()
    except Exception:  # noqa: BLE001 - the user's __str__ may raise anything
        return type(error).__name__


def _text_of(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except Exception as failure:  # noqa: BLE001 - the user's __str__ may raise anything
        text = f"{type(error).__name__}: its traceback cannot be shown: {type(failure).__name__}\n"
    if len(text) <= MAX_TRACEBACK:
        return text
    half = MAX_TRACEBACK // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
