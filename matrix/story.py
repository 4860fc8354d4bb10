"""The life of one host as its supervisor hears it: a state machine without processes or clocks of its own.

ENTER until the first cell begins and again between cells, CALL while one runs, EXIT after the last.
Each has its own limit. When the host is gone, :meth:`Story.settle` says what that means for its cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matrix.model import Cell, Outcome, Phase
from matrix.onlooker import ASLEEP, Scene
from matrix.record import Record
from matrix.signature import signature_of
from matrix.stacks import frames_of_dumps, signature_of_stacks
from matrix.strays import Span, sentence_on
from matrix.wire import Message, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix.batch import Batch
    from matrix.onlooker import Sight
    from matrix.strays import Stray

__all__ = ("Fault", "Remains", "Story")


@dataclass(frozen=True)
class Fault:
    """Why the supervisor ends a host, or what was wrong with the host's own end.

    Attributes:
        outcome: what it is.
        detail: one sentence.
        told: whether the sentence says which cell is the cause.
    """

    outcome: Outcome
    detail: str
    told: bool = False


@dataclass(frozen=True)
class Remains:
    """What is left of a host that is gone.

    Attributes:
        ending: how its process ended, as a sentence; empty when it ended well.
        dumps: what it answered each time when it was asked for its stacks.
        output: what it wrote.
        sight: what its hang looked like from outside.
        strays: processes that went on when it had ended by itself.
    """

    ending: str = ""
    dumps: tuple[str, ...] = ()
    output: str = ""
    sight: Sight | None = None
    strays: tuple[Stray, ...] = ()


class Story:
    """What one host has said so far, and until when it may stay silent."""

    def __init__(
        self, batch: Batch, number: int, *, now: float, on_begin: Callable[[Cell], None] = lambda _cell: None
    ) -> None:
        self.batch = batch
        self.number = number
        self.remaining = list(batch.cells)
        self.deadline = now + batch.context.enter_limit
        self.fault: Fault | None = None
        self.current: Cell | None = None
        self.current_pid = 0
        self._thread = 0
        self._bystanders: dict[int, frozenset[int]] = {}
        self._on_begin = on_begin
        self._started = self._began = now
        # When the present cell began, by its own process, and from when until when the others ran.
        self._clock = 0.0
        self._spans: list[Span] = []
        # From the start of the host to its first cell; 0 once a record has carried it away.
        self._entered = 0.0
        self._ready: set[int] = set()
        self._done = False
        self._failure = ""
        self._held: Record | None = None
        # How many checks that were put off to the end of the process have not been heard of; None if
        # none was put off.
        self._awaited: int | None = None
        self._facts: dict[str, object] = {}
        self._fingerprint: dict[str, object] = {}

    @property
    def phase(self) -> Phase:
        """Which part of its life the host is in."""
        if self.current is not None:
            return Phase.CALL
        return Phase.ENTER if self.remaining else Phase.EXIT

    @property
    def finished(self) -> bool:
        """Whether nothing that this host could still do would be judged."""
        if self._awaited is not None:
            return False
        return self.batch.control and (self.phase is Phase.EXIT or self._done)

    def rest(self) -> Batch:
        """Return the cells that a fresh host has to perform."""
        return replace(self.batch, cells=tuple(self.remaining))

    def scene(self, host: int) -> Scene:
        """Return where a hang of the present phase is to be seen; ``host`` is the host's process."""
        if self.current is None:
            return Scene(host)
        return Scene(self.current_pid, self._thread, self._bystanders[self.current_pid])

    def hear(self, message: Message, *, now: float, output: str = "") -> list[Record]:
        """Take one message; return the records that are final now.

        Raises:
            WireError: the message contradicts what was said before, or names what is not there.
        """
        match message.kind:
            case "ready":
                self._enter(message)
            case "begin":
                return self._begin(message, now)
            case "end":
                self._end(message, now, output)
            case "late":
                self._hear_late(message)
            case "failed" | "done":
                self._leave(message, now)
            case _:
                raise WireError(f"the host said {message.kind!r}, which means nothing here")
        return []

    def overdue(self) -> None:
        """Note that the limit of the present phase has passed."""
        if self.fault is not None:
            return
        context = self.batch.context
        if self.current is not None:
            limit = self.batch.limits[self.current].call
            detail = f"the check did not end within {limit:g} s"
        elif self._done or self._failure:
            detail = f"the process did not end within {self.batch.exit_limit:g} s of its host's end"
        elif self._held is None:
            detail = f"no cell began within {context.enter_limit:g} s of the start of the host"
        elif self.remaining:
            detail = f"after this cell the host did not begin the next within {context.enter_limit:g} s"
        else:
            detail = f"after the last cell the host did not end within {context.enter_limit:g} s"
        self.fault = Fault(Outcome.HANG, detail)

    def settle(self, remains: Remains, *, now: float) -> list[Record]:
        """The host is gone: return the records of all that it took with it.

        Cells that are still ``remaining`` afterwards have not been judged and need a fresh host.
        """
        if self.current is not None:
            return self._settle_call(remains, now)
        if not self._trouble(remains):
            records = [*self._release(), *self._settle_unperformed(remains)]
        elif self._held is None:
            records = self._settle_enter(remains)
        else:
            records = self._settle_after_a_cell(remains)
        left = tuple(sentence_on(stray, self._spans) for stray in remains.strays)
        return [*records[:-1], *(replace(record, strays=left) for record in records[-1:])]

    def _enter(self, message: Message) -> None:
        if message.pid in self._ready:
            raise WireError(f"process {message.pid} said that it is ready twice")
        self._ready.add(message.pid)
        self._bystanders[message.pid] = frozenset(message.numbers("threads"))
        self._facts = message.mapping("facts")
        self._fingerprint = message.mapping("fingerprint")

    def _leave(self, message: Message, now: float) -> None:
        if self._done or self._failure:
            raise WireError(f"process {message.pid} said twice that its host has ended")
        if message.kind == "done":
            self._done = True
        else:
            self._failure = message.text("traceback") or "an exception without a traceback"
        if self.current is None:
            self.deadline = now + self.batch.exit_limit

    def _begin(self, message: Message, now: float) -> list[Record]:
        cell = self._cell_of(message)
        if message.pid not in self._ready:
            raise WireError(f"{cell.id} began in process {message.pid}, which has not said that it is ready")
        if self.current is not None:
            raise WireError(f"{cell.id} began while {self.current.id} had not ended")
        self.current, self.current_pid = cell, message.pid
        self._thread = int(message.number("thread"))
        if len(self.remaining) == len(self.batch.cells):
            self._entered = now - self._began
        self._began, self._clock = now, message.number("clock")
        self.deadline = now + self.batch.limits[cell].call
        self._on_begin(cell)
        return self._release()

    def _end(self, message: Message, now: float, output: str) -> None:
        cell = self._cell_of(message)
        if cell != self.current or message.pid != self.current_pid:
            raise WireError(f"process {message.pid} ended {cell.id}, which it had not begun")
        outcome = _outcome_of(message, cell)
        put_off = int(message.number("put_off"))
        if put_off < 0:
            raise WireError(f"{cell.id} puts {put_off} checks off to the end of its process")
        if put_off and len(self.batch.cells) > 1:
            raise WireError(f"{cell.id} puts checks off to the end of its process: make its probe isolated")
        self._held = Record(
            cell,
            outcome,
            message.text("detail"),
            signature=message.text("signature"),
            seconds=self._plausible(message.number("seconds"), now),
            entered=self._entered,
            host=self.number,
            traceback=message.text("traceback"),
            output="" if outcome is Outcome.PASS else output,
            facts=message.mapping("facts"),
            fingerprint=self._fingerprint,
            observations=message.mapping("observations"),
        )
        self._awaited = put_off or None
        self._entered = 0.0
        self._spans.append(Span(cell, self._clock, message.number("clock")))
        self.current = None
        self.remaining.remove(cell)
        self.deadline = now + self.batch.context.enter_limit

    def _plausible(self, seconds: float, now: float) -> float:
        """Return how long a check took: by the host's clock, or by ours if that one cannot be right."""
        return seconds if 0 <= seconds <= now - self._started else now - self._began

    def _hear_late(self, message: Message) -> None:
        """Take what came of one check that was put off; the cell has to hold there, too."""
        held, named = self._held, message.text("cell")
        if held is None or held.cell.id != named or message.pid != self.current_pid or not self._awaited:
            raise WireError(f"process {message.pid} checked {named!r} at its end, which was not put off")
        self._awaited -= 1
        detail = message.text("detail")
        if detail and held.outcome is Outcome.PASS:
            self._held = replace(
                held,
                outcome=Outcome.FAIL,
                detail=f"at the end of the process: {detail}",
                traceback=message.text("traceback"),
            )

    def _cell_of(self, message: Message) -> Cell:
        named = message.text("cell")
        for cell in self.remaining:
            if cell.id == named:
                return cell
        raise WireError(f"{message.kind!r} of {named!r}, which is not a cell that this host has left to do")

    def _release(self) -> list[Record]:
        """Let go of the last record: the host has outlived the cell."""
        held, self._held = self._held, None
        if held is None:
            return []
        return [held]

    def _trouble(self, remains: Remains) -> Fault | None:
        """How the host ended that should have ended well, if it did not."""
        if self.finished and (self.fault is None or self.fault.outcome is Outcome.HANG):
            return None
        if self.fault is not None:
            return self.fault
        if self._failure:
            return Fault(Outcome.CRASH, f"the host ended in {self._failure.strip().splitlines()[-1]}")
        if remains.ending:
            return Fault(Outcome.CRASH, remains.ending)
        if not self._done:
            return Fault(Outcome.CRASH, "the host's process ended without a word")
        return self._untold(remains) or self._left_behind(remains)

    def _untold(self, remains: Remains) -> Fault | None:
        """What a process that checks its own end, and ended well, has not said, or said besides."""
        if self._awaited:
            return Fault(
                Outcome.FAIL, f"the process ended without {self._awaited} of the checks put off to its end"
            )
        if self._awaited is not None and remains.output.strip():
            last = remains.output.strip().splitlines()[-1]
            return Fault(Outcome.FAIL, f"the process was not quiet at its end: {last}")
        return None

    def _left_behind(self, remains: Remains) -> Fault | None:
        """What there is to say of processes that go on when their host has ended."""
        if not remains.strays:
            return None
        said = sentence_on(remains.strays[0], self._spans)
        more = f", and {len(remains.strays) - 1} more" if len(remains.strays) > 1 else ""
        return Fault(Outcome.FAIL, f"left a process behind: {said}{more}", told=True)

    def _record(self, cell: Cell, fault: Fault, phase: Phase | None, remains: Remains) -> Record:
        kept = phase if fault.outcome in {Outcome.HANG, Outcome.CRASH} else None
        sight = remains.sight if fault.outcome is Outcome.HANG else None
        kind = None if sight is None else sight.kind
        return Record(
            cell,
            fault.outcome,
            fault.detail,
            kept,
            hang_class=kind,
            evidence="" if sight is None else sight.evidence,
            signature=signature_of_stacks(frames_of_dumps(remains.dumps), lines=kind in ASLEEP),
            host=self.number,
            traceback=self._failure,
            stacks=next(iter(remains.dumps), ""),
            output=remains.output,
            facts=self._facts,
            fingerprint=self._fingerprint,
        )

    def _settle_call(self, remains: Remains, now: float) -> list[Record]:
        """The host went down with a cell running: that cell is to blame, the rest have not begun."""
        cell = self.current
        assert cell is not None
        fault = self.fault or Fault(
            Outcome.CRASH, remains.ending or "the host's process ended during the call"
        )
        self.remaining.remove(cell)
        self.current = None
        record = self._record(cell, fault, Phase.CALL, remains)
        return [replace(record, seconds=now - self._began)]

    def _settle_enter(self, remains: Remains) -> list[Record]:
        """No cell ever began: the context could not be brought about, which concerns all its cells."""
        fault = self._trouble(remains)
        assert fault is not None
        if self._failure:
            fault = Fault(Outcome.ERROR, fault.detail)
        lost, self.remaining = self.remaining, []
        return [self._record(cell, fault, Phase.ENTER, remains) for cell in lost]

    def _settle_after_a_cell(self, remains: Remains) -> list[Record]:
        """The host went down between two cells or after the last: the cell before it carries the blame."""
        fault = self._trouble(remains)
        held = self._held
        assert held is not None
        judged = self._awaited is not None or not self.batch.control
        # A host that lies is an error whatever it has said before: that may be a lie, too.
        excused = held.outcome is not Outcome.PASS or not judged
        if fault is None or (excused and fault.outcome is not Outcome.ERROR):
            return self._release()
        performed = len(self.batch.cells) - len(self.remaining)
        several = performed > 1 and not fault.told
        share = f"; {performed} cells ran in this host, any of them can be the cause" if several else ""
        blamed = self._record(held.cell, Fault(fault.outcome, fault.detail + share), Phase.EXIT, remains)
        if fault.told:
            blamed = replace(blamed, signature=signature_of("left behind", remains.strays[0].essence))
        self._held = None
        return [replace(blamed, seconds=held.seconds, facts=held.facts, observations=held.observations)]

    def _settle_unperformed(self, remains: Remains) -> list[Record]:
        """The host ended well and has left cells out: it is wrong, and would be again."""
        if not self._done:
            return []
        lost, self.remaining = self.remaining, []
        fault = Fault(Outcome.ERROR, "host(job) returned without performing this cell; loop over job.cells")
        return [self._record(cell, fault, None, remains) for cell in lost]


def _outcome_of(message: Message, cell: Cell) -> Outcome:
    """Return what a host says of a cell that it has performed; all else is for the supervisor to say."""
    said = message.text("outcome")
    try:
        outcome = Outcome(said)
    except ValueError as error:
        raise WireError(f"{cell.id} ended in {said!r}: not an outcome") from error
    if outcome in {Outcome.HANG, Outcome.CRASH, Outcome.SKIP}:
        raise WireError(f"{cell.id} ended in {said!r}, which a host that goes on cannot say")
    return outcome
