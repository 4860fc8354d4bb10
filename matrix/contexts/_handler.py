"""A logging handler that performs cells: it holds its own lock meanwhile, as every handler does."""

from __future__ import annotations

import logging
from typing import Any

from matrix.contexts._observe import stack_has
from matrix.model import Cell, Job

__all__ = ("perform_in",)

_LOGGER = "matrix.contexts"


class _Performing(logging.Handler):
    """Performs the cell that a record is about, and lets all other records be."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def emit(self, record: logging.LogRecord) -> None:
        cell = getattr(record, "cell", None)
        if isinstance(cell, Cell):
            lock: Any = self.lock
            evidence = {
                "handler": stack_has(logging.Logger.callHandlers.__code__),
                "its lock": "held" if lock._is_owned() else "free",  # noqa: SLF001 - nothing else says it
                "asyncio's level": logging.getLevelName(logging.getLogger("asyncio").getEffectiveLevel()),
            }
            self._job.perform(cell, evidence=evidence)


def perform_in(job: Job, level: int) -> None:
    """Perform each cell of the job where the root logger, at ``level``, has a handler take its record."""
    root = logging.getLogger()
    before, handler = root.level, _Performing(job)
    root.addHandler(handler)
    root.setLevel(level)
    for chatty in ("httpcore", "httpx"):  # they would log to the very handler that waits for them
        logging.getLogger(chatty).setLevel(logging.ERROR)
    try:
        for cell in job.cells:
            logging.getLogger(_LOGGER).info("performing %s", cell.id, extra={"cell": cell})
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for chatty in ("httpcore", "httpx"):
            logging.getLogger(chatty).setLevel(logging.NOTSET)
