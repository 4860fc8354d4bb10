"""A function of ``AsyncSession.run_sync()``: sync code in a greenlet whose parent awaits what it gets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Cell, Context, Facts, Inside, Job

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CONTEXT = Context(
    "sqlalchemy_run_sync",
    summary="in a function that AsyncSession.run_sync() calls, with a session open",
    facts=Facts(
        running_loop=ASYNCIO_LOOPS,
        current_task=True,
        main_thread=True,
        suspendable=True,
        evidence={"select": "42"},
    ),
    requires=("sqlalchemy", "aiosqlite", "greenlet"),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
    gate_entry_points=("run_workflow", "bridge_run_sync"),
)


def host(job: Job) -> None:
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    async def main() -> None:
        engine = create_async_engine("sqlite+aiosqlite:///:memory:")
        for cell in job.cells:
            async with AsyncSession(engine) as session:
                await session.run_sync(_perform, job, cell)
        await engine.dispose()

    asyncio.run(main())


def _perform(session: Session, job: Job, cell: Cell) -> None:
    from sqlalchemy import text

    value = session.execute(text("select 41 + 1")).scalar()
    job.perform(cell, evidence={"select": str(value)})
