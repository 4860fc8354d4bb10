"""What a storage is: where runs are kept, so that they can be gone on with after the end of a process."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

__all__ = ("Entry", "Note", "RunState", "Storage", "StoredRun")


class RunState(enum.StrEnum):
    """How a stored run stands."""

    RUNNING = "running"
    """Somebody has it in hand, or had it and was killed."""
    WAITING = "waiting"
    """It waits for an approval."""
    INTERRUPTED = "interrupted"
    """Its runner stopped before its end: Ctrl-C, a time limit, ``close()``. It can be resumed."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """By ``cancel()``."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run as a storage keeps it. Texts that say JSON are not to be looked into.

    Attributes:
        id: unique in the storage.
        workflow: name of the workflow.
        fingerprint: of the workflow: another one, another text.
        inputs: JSON.
        key: the idempotency key, unique among the runs of its workflow's name; None if there is none.
        state: how it stands.
        outcome: JSON of what it has come to; None while it has come to nothing.
        owner: who holds the lease, or held it last without giving it back; None if nobody does.
        lease_left: seconds until the lease ends, by the storage's own clock; 0 if there is none.
        created: in seconds since the epoch.
        updated: when a runner last took, renewed or ended it, in seconds since the epoch.
    """

    id: str
    workflow: str
    fingerprint: str
    inputs: str
    key: str | None = None
    state: RunState = RunState.RUNNING
    outcome: str | None = None
    owner: str | None = None
    lease_left: float = 0.0
    created: float = 0.0
    updated: float = 0.0


class Entry(NamedTuple):
    """Something that has happened in a run, and never changes.

    Attributes:
        kind: what: that a step has ended, say.
        step: which step, by its path in the run.
        data: JSON.
    """

    kind: str
    step: str
    data: str


class Note(NamedTuple):
    """Something that a run is told from outside: a decision, that it is cancelled.

    Attributes:
        name: what it is about.
        data: JSON.
    """

    name: str
    data: str


@runtime_checkable
class Storage(Protocol):
    """Keeps runs. What a method has returned from is durable, whatever becomes of the process.

    Methods are plain functions that may block. They are called on worker threads, from several threads
    and processes at once, never on an event loop's thread unless no thread can start. A signal handler or
    a finaliser may make a call while another one of the same process is in progress, also on the very
    thread that carries that out: so a lock that one method holds must not be waited for without a limit
    by another. Whatever goes wrong is raised as any ``Exception``; the run stops then, with a
    :class:`StorageError`.

    A run is written to only by the one who holds its **lease**: an owner, for so many seconds. Every
    method that takes an ``owner`` checks that and writes in one atomic operation.

    Attributes:
        lease: for how many seconds a runner takes a run in hand; it renews that three times as often.
    """

    lease: float

    def create(self, run: StoredRun, owner: str, seconds: float) -> bool:
        """Keep a new run, its lease with ``owner``; False if its id, or its key, is taken already."""

    def load(self, run_id: str) -> StoredRun | None:
        """Return a run; None if there is none of this id."""

    def find(self, workflow: str, key: str) -> StoredRun | None:
        """Return the run of this workflow's name that has this idempotency key."""

    def runs(self, state: RunState | None = None, *, limit: int = 100) -> Sequence[StoredRun]:
        """Return runs in this state, or in any, the newest first."""

    def claim(self, run_id: str, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Give ``owner`` the lease, and make the state RUNNING.

        Only if nobody has the lease, or it has run out, or ``instead_of`` has it: one who is known to be
        dead. Of two that claim at once, one gets it. Never a run that is SUCCEEDED or CANCELLED.
        """

    def renew(self, run_id: str, owner: str, seconds: float) -> bool:
        """Prolong the lease to so many seconds from now; False if ``owner`` has it no more."""

    def save(self, run_id: str, owner: str, entry: Entry) -> bool:
        """Add an entry; False, and nothing is added, if ``owner`` has the lease no more."""

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return all entries of a run, in the order in which they were added."""

    def end(self, run_id: str, owner: str, state: RunState, outcome: str | None) -> bool:
        """Note how the run stands and give the lease back; False if ``owner`` has it no more."""

    def note(self, run_id: str, note: Note) -> bool:
        """Leave a note, whoever has the lease; False if one of this name is there, which stays."""

    def notes(self, run_id: str) -> Sequence[Note]:
        """Return all notes of a run."""

    def delete(self, run_id: str) -> bool:
        """Forget a run with all that belongs to it; False if there is none, or its lease has not run out."""
