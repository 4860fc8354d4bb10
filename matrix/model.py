"""The words of the matrix as data: contexts, entry points, probes, peers and what is said of them.

Everything else in ``matrix`` imports this module: it is the one place where a registry file and the
machine meet. What a probe says of what it saw (:func:`expect`, :func:`observe`, :func:`check_at_exit`)
is defined in ``matrix.findings`` and belongs to this interface.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from matrix.findings import Expected, Refused, check_at_exit, expect, observe

__all__ = (
    "AnyFunction",
    "Cell",
    "Context",
    "Control",
    "EntryPoint",
    "Expected",
    "Facts",
    "HangClass",
    "Item",
    "Job",
    "OpenSession",
    "Outcome",
    "Peer",
    "Phase",
    "Probe",
    "Refused",
    "Run",
    "RunAsync",
    "Session",
    "Source",
    "StreamAsync",
    "check_at_exit",
    "expect",
    "observe",
)

AnyFunction = Callable[..., object]


class Run(Protocol):
    """Run a source to its end and return its outputs: what a probe is given to try."""

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Block until ``source`` has run with ``inputs``; return its outputs."""


class RunAsync(Protocol):
    """The async variant of :class:`Run`; the machine hands it to peers inside the source."""

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> Awaitable[Mapping[str, object]]:
        """Return an awaitable of the outputs of ``source``."""


class Item(NamedTuple):
    """What a stream gives: one step that has ended, as soon as it has."""

    step: str
    output: object


class StreamAsync(Protocol):
    """The async variant of a session's ``stream``; the machine hands it to peers inside the source."""

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> AsyncIterator[Item]:
        """Return an async generator of the items of one run of ``source``."""


class Session(Protocol):
    """A workflow that is kept open for several runs, as users keep one."""

    def run(self, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Block until one run has ended; return its outputs."""

    def stream(self, inputs: Mapping[str, object], /) -> Iterator[Item]:
        """Return an iterator over the items of one run; each ``next()`` blocks until there is one."""

    def close(self) -> None:
        """End what is in progress, and everything that belongs to the session."""

    async def run_async(self, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Await one run; for peers."""

    def stream_async(self, inputs: Mapping[str, object], /) -> AsyncIterator[Item]:
        """Return an async generator of the items of one run; for peers."""

    async def close_async(self) -> None:
        """Await the end of everything; for peers."""


class OpenSession(Protocol):
    """Open a session: what a probe of several runs, or of a stream, is given to try."""

    def __call__(self, source: Source, /) -> Session:
        """Return ``source``, loaded and ready to run."""


@dataclass(frozen=True)
class Source:
    """A workflow as a probe states it: YAML text, and the callables that the text names.

    Attributes:
        text: the workflow file's text.
        functions: what ``function:`` steps may name; plain ``def``.
        tools: what ``tool:`` steps may name; ``def`` or ``async def``.
        llm: the LLM client that ``agent:`` steps ask; None for the entry point's default.
        timeout: seconds that the entry point is given for the run; None for no limit.
        native: the async variant of the entry point under test. The machine fills it in before it
            hands the source to a peer, so that a peer is a bridge and nothing more.
        native_stream: the same for a stream.
    """

    text: str
    functions: Mapping[str, AnyFunction] = field(default_factory=dict)
    tools: Mapping[str, AnyFunction] = field(default_factory=dict)
    llm: object | None = None
    timeout: float | None = None
    native: RunAsync | None = None
    native_stream: StreamAsync | None = None

    async def run_async(self, inputs: Mapping[str, object]) -> Mapping[str, object]:
        """Await the async variant of the entry point under test; for peers.

        Raises:
            LookupError: the machine has not bound an async variant.
        """
        if self.native is None:
            raise LookupError("this source has no async variant; the machine binds one for each peer")
        return await self.native(self, inputs)

    def stream_async(self, inputs: Mapping[str, object]) -> AsyncIterator[Item]:
        """Return the async generator of items that a peer is to iterate over from sync code.

        Raises:
            LookupError: the machine has not bound one.
        """
        if self.native_stream is None:
            raise LookupError("this source has no async stream; the machine binds one for each peer")
        return self.native_stream(self, inputs)


class Outcome(enum.Enum):
    """What happened in one cell."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    """The probe's claim held."""
    FAIL = "fail"
    """The claim did not hold."""
    HANG = "hang"
    """The limit passed and the process group was killed."""
    CRASH = "crash"
    """The process died."""
    REFUSED = "refused"
    """The entry point declined with an error that says so."""
    SKIP = "skip"
    """The cell means nothing here, for a stated reason."""
    ERROR = "error"
    """The matrix itself failed; never hidden by any expectation."""


class Phase(enum.Enum):
    """Which part of a child's life a hang or crash fell into; each has its own limit."""

    ENTER = "enter"
    CALL = "call"
    EXIT = "exit"


class HangClass(enum.Enum):
    """Which kind of hang it was, read from outside; ``docs/matrix.md`` defines each by what is read."""

    DEADLOCK = "deadlock"
    """Every thread sleeps, and nothing that could wake one can come from outside or from a clock."""
    STALLED = "stalled"
    """Every thread sleeps, and something that could still come is waited for."""
    SPINNING = "spinning"
    """A thread uses a processor all the time."""
    STARVED = "starved"
    """A thread is ready to run and is kept from it: by other processes, or by the interpreter's lock."""
    STOPPED = "stopped"
    """A signal has stopped the process."""
    UNKNOWN = "unknown"
    """This system does not tell, or the process could not be looked at."""


@dataclass(frozen=True)
class Facts:
    """What can be observed at the very place where a context runs user code.

    Attributes:
        running_loop: ``module.qualname`` of the class of the event loop that runs in this thread,
            or None where none runs. A tuple in a context's statement means "one of these".
        current_task: whether an asyncio task is current.
        main_thread: whether this is the main thread.
        kernel: whether a Jupyter kernel's shell is live in this process.
        evidence: whatever else proves the situation; each context states its own pairs.
    """

    running_loop: str | tuple[str, ...] | None
    current_task: bool
    main_thread: bool
    kernel: bool = False
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """One host situation.

    Attributes:
        name: file name without ``.py``.
        summary: one line for the table in the README; no full stop.
        facts: what must be true where user code runs; anything else is an error, not a pass.
        requires: import names of the packages that the host needs.
        platforms: ``sys.platform`` values where it exists; empty means everywhere.
        enter_limit: seconds from the start of the child to its READY.
    """

    name: str
    summary: str
    facts: Facts
    requires: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    enter_limit: float = 30.0


@dataclass(frozen=True)
class EntryPoint:
    """One sync function that users call.

    Attributes:
        name: file name without ``.py``; part of cell ids.
        label: as users write it, for tables: ``Runtime.run()``.
        without: why a promise cannot be made by this function, by the name of the probe that asks for it.
    """

    name: str
    label: str
    without: Mapping[str, str] = field(default_factory=dict)


def _always(_facts: Facts) -> str | None:
    return None


@dataclass(frozen=True)
class Probe:
    """One claim about behaviour.

    Attributes:
        name: file name without ``.py``.
        claim: the claim as a sentence without full stop; it is what tables and failures show.
        promise: number in the contract, ``"S1"`` to ``"S20"``.
        session: whether ``check`` and ``broken`` are given ``open_session`` in the place of ``run``. Such
            a probe has cells only with the entry points that have this function.
        isolated: whether each of its cells needs a host process of its own.
        limit: seconds that one check may take before it counts as a hang.
        skip_when: given a context's stated facts, why the claim means nothing there, or None.
        requires: import names of the packages that the check needs, as users of the claim do.
    """

    name: str
    claim: str
    promise: str
    session: bool = False
    isolated: bool = False
    limit: float = 15.0
    skip_when: Callable[[Facts], str | None] = _always
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """One bridge of somebody else, or a way of bridging that a design once weighed.

    Attributes:
        name: file name without ``.py``; also the word for ``--target``.
        summary: one line for tables.
        requires: import names of the packages it needs.
    """

    name: str
    summary: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Control:
    """One bridge that shows what the probes can tell: a broken one, or a right one that looks odd.

    It names either ``caught_by`` or ``passes``; what it names is held against it in every run of the
    gate; ``python -m matrix power`` shows what all the other probes say.

    Attributes:
        name: file name without ``.py``; part of the targets ``control:NAME`` and ``near_miss:NAME``.
        summary: the mistake, or the oddity, in one line for tables; no full stop.
        caught_by: the probes that must fail on this broken bridge, each of them.
        passes: the probes that are tempted to fail this right bridge, and must pass; may be patterns with
            ``*``. ``python -m matrix power`` holds all the others to it, too.
        without: probes whose promise this right bridge does not make.
        context: where that is so; the gate runs it there.
        limit: seconds after which a check of a broken bridge counts as hanging, if the probe's own limit
            is not shorter. A deadlock comes at once, and every gate waits for it.
        harmless: whether it leaves nothing behind in its process, so that others like it can share that.
        requires: import names of the packages it needs.
        platforms: ``sys.platform`` values where that is so; empty means everywhere.
    """

    name: str
    summary: str
    caught_by: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    context: str = "plain_script"
    limit: float = 6.0
    harmless: bool = False
    requires: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()

    @property
    def near_miss(self) -> bool:
        """Whether this bridge is right, however it looks."""
        return bool(self.passes)


@dataclass(frozen=True, order=True)
class Cell:
    """Target, entry point, context and probe: the smallest thing that is judged.

    ``target`` is ``agent_runtime``, a peer's name, or a control's. ``control`` is the entry point of
    agent_runtime in the probe's own ``broken``, ``control:NAME`` a broken bridge of
    ``matrix/controls``: both must fail. ``near_miss:NAME`` is a right one that must pass.
    """

    target: str
    entry_point: str
    context: str
    probe: str

    @property
    def id(self) -> str:
        """The cell as one word that needs no quoting in a shell."""
        return f"{self.target}/{self.entry_point}/{self.context}/{self.probe}"

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Return the cell that ``text`` names.

        Raises:
            ValueError: ``text`` is not four words with slashes between.
        """
        parts = text.split("/")
        if len(parts) != 4 or not all(parts):
            raise ValueError(
                f"{text!r} is not a cell; write TARGET/ENTRY_POINT/CONTEXT/PROBE,"
                " for example agent_runtime/run_workflow/plain_script/returns_the_async_value"
            )
        return cls(*parts)


class Job(Protocol):
    """What ``host(job)`` of a context works with, in the child process.

    ``perform`` is to be called exactly where user code would stand; it judges one cell, sends the
    record, and never raises. One cell at a time: a host never performs two cells at once. A process
    that is not the child itself, such as a notebook kernel, gets its job with
    ``from matrix.child import Job; job = Job.resume()``.
    """

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells to perform, in order."""

    def perform(self, cell: Cell, *, evidence: Mapping[str, str] | None = None) -> None:
        """Check this thread's facts against the context's, then run the cell's probe right here.

        Args:
            cell: one of ``cells``.
            evidence: what this host can show of the situation, compared with the stated evidence.
        """

    def run_of(self, cell: Cell) -> Run:
        """Return a cell's callable under test, for hosts that are inside a call themselves.

        Where the probe is given sessions, this is the plain ``call`` of the same entry point.
        """
