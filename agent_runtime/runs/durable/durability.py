"""What all kept runs of one program have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection

from agent_runtime.runs.durable.decisions import Decision, decide
from agent_runtime.runs.durable.fingerprint import fingerprint_of
from agent_runtime.storage.protocol import Storage
from agent_runtime.storage.worker import StorageLane
from agent_runtime.workflow.model import Workflow

__all__ = ("Durability",)


class Durability:
    """Where the runs of a program are kept, and which workflow they are runs of; threads may share it.

    Args:
        storage: keeps them.
        workflow: the workflow.
        others: those that it runs.

    Raises:
        TypeError: ``storage`` is not a storage.
    """

    def __init__(self, storage: object, workflow: Workflow, others: Collection[Workflow]) -> None:
        if not isinstance(storage, Storage):
            raise TypeError(
                f"storage= is a storage, not {type(storage).__name__}; pass SQLiteStorage(path) or"
                " MemoryStorage(), or an object with all methods of agent_runtime.storage.Storage"
            )
        self.storage = storage
        self.workflow = workflow
        self._fingerprint: Callable[[], str] = functools.partial(fingerprint_of, workflow, others)

    async def decide(self, run_id: str, decision: Decision) -> None:
        """Leave a decision with a run.

        Raises:
            RunConflictError: it does not wait for this decision.
            StorageError: the storage has failed.
        """
        async with StorageLane(self.storage, f"run {run_id}") as lane:
            await lane.ask(functools.partial(decide, self.storage, run_id, decision))

    @functools.cached_property
    def fingerprint(self) -> str:
        """Of the workflow."""
        return self._fingerprint()
