"""What the files of the registries state: contexts and their facts, entry points, probes, peers, controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ("Context", "Control", "EntryPoint", "Facts", "Inside", "Limits", "Peer", "Probe", "limits_of")


@dataclass(frozen=True)
class Facts:
    """What can be observed at the very place where a context runs user code.

    Attributes:
        running_loop: ``module.qualname`` of the class of the event loop that runs in this thread,
            or None where none runs. A tuple in a context's statement means "one of these".
        current_task: whether an asyncio task is current.
        main_thread: whether this is the main thread.
        kernel: whether a Jupyter kernel's shell is live in this process.
        suspendable: whether sync code can suspend the calling task: greenback has prepared that, or a
            greenlet of SQLAlchemy runs the code, and its parent awaits.
        evidence: whatever else proves the situation; each context states its own pairs.
    """

    running_loop: str | tuple[str, ...] | None
    current_task: bool
    main_thread: bool
    kernel: bool = False
    suspendable: bool = False
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """How long a host may stay silent before it counts as hanging; seconds.

    Attributes:
        enter: from the start of the host's process to its first cell, and from each cell to the next.
        call: one check.
        exit: from the host's word that it is done to the end of its process.
    """

    enter: float
    call: float
    exit: float


@dataclass(frozen=True)
class Inside:
    """How a context is entered where code of another one runs, as a link of a chain of contexts.

    Attributes:
        keeps: which facts stay as they are around it, by their names in :class:`Facts`; the others become
            those that the context states.
        no_loop: whether it needs a thread in which no event loop runs.
        main_thread: whether it needs the main thread.
        again: whether it can stand in a chain a second time.
    """

    keeps: tuple[str, ...]
    no_loop: bool = False
    main_thread: bool = False
    again: bool = True


@dataclass(frozen=True)
class Context:
    """One host situation.

    Attributes:
        name: file name without ``.py``.
        summary: one line for the table in the README; no full stop.
        facts: what must be true where user code runs; anything else is an error, not a pass.
        requires: import names of the packages that the host needs.
        platforms: ``sys.platform`` values where it exists; empty means everywhere.
        min_python: the first version of Python where it exists, ``(3, 13)`` say; empty means all.
        enter_limit: seconds from the start of the child to its READY, and from each cell to the next. A
            notebook kernel takes 2 on an idle machine, a plain interpreter 0.2; all three are for busy ones.
        call_limit: seconds that one check may take, if its probe does not say otherwise.
        exit_limit: seconds from the host's word that it is done to the end of its process. A plain
            interpreter takes 0.05, one with a server and a kernel behind it 1.
        inside: how it is entered inside another context; None where it can only be the outermost.
        without: why a claim cannot be made there, by its probe (a pattern may have ``*``): a named skip.
        gate_entry_points: the entry points that the gate judges there, where a host is expensive; empty for
            all. The others have cells as well, for whoever names the entry point.
        gate_probes: the same for probes; names or patterns with ``*``.
    """

    name: str
    summary: str
    facts: Facts
    requires: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    min_python: tuple[int, ...] = ()
    enter_limit: float = 30.0
    call_limit: float = 15.0
    exit_limit: float = 10.0
    inside: Inside | None = None
    without: Mapping[str, str] = field(default_factory=dict)
    gate_entry_points: tuple[str, ...] = ()
    gate_probes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EntryPoint:
    """One sync function that users call.

    Attributes:
        name: file name without ``.py``; part of cell ids.
        label: as users write it, for tables: ``Runtime.run()``.
        without: why a promise cannot be made by this function, by the name of the probe that asks for it.
        gate_contexts: the contexts in which the gate judges it, where few tell everything; empty for all. The
            others have cells as well, for whoever names the entry point.
    """

    name: str
    label: str
    without: Mapping[str, str] = field(default_factory=dict)
    gate_contexts: tuple[str, ...] = ()


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
        limit: seconds that one check may take before it counts as a hang, in the place of the context's
            ``call_limit``: for checks of a thousand calls, say.
        exit_limit: the same for the end of the process, in the place of the context's.
        skip_when: given a context's stated facts, why the claim means nothing there, or None.
        requires: import names of the packages that the check needs, as users of the claim do.
    """

    name: str
    claim: str
    promise: str
    session: bool = False
    isolated: bool = False
    limit: float | None = None
    exit_limit: float | None = None
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


def limits_of(context: Context, probe: Probe, control: Control | None = None) -> Limits:
    """Return the limits of a cell: its context's, where its probe does not state its own.

    Args:
        context: the cell's context.
        probe: the cell's probe.
        control: the cell's control, if it has one. A broken bridge says how long the gate waits for it.
    """
    call = context.call_limit if probe.limit is None else probe.limit
    if control is not None and not control.near_miss:
        call = min(call, control.limit)
    leave = context.exit_limit if probe.exit_limit is None else probe.exit_limit
    return Limits(context.enter_limit, call, leave)
