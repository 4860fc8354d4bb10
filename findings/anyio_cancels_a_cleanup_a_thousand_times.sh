#!/usr/bin/env bash
# Guess: a cancelled AnyIO scope cancels what awaits in it once, or once for each await, as asyncio does.
# Instead: on asyncio, the scope cancels the task again in every turn of the event loop, as long as the task
# awaits anything inside the scope without a shield. Code that catches the cancellation and goes on waiting
# for its work (a bridge, an SDK that hands a cancellation down) is woken some 10,000 times a second, and
# keeps a processor busy; if it forwards each one, it cuts off the cleanup that it waits for.
#
# Seen with anyio 4.16.0 on CPython 3.11.7:
#   task.cancel(): 1 cancellation in 0.1 s of cleanup
#   cancelled AnyIO scope: 1281 cancellations in 0.1 s of cleanup
#   cancelled AnyIO scope, shielded cleanup: 0 cancellations in 0.1 s of cleanup
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet anyio==4.16.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys
import time

import anyio

SECONDS = 0.1


async def clean_up() -> int:
    """Wait until the time is up, whoever cancels; return how often that was."""
    cancellations, until = 0, time.monotonic() + SECONDS
    while (left := until - time.monotonic()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            cancellations += 1
    return cancellations


async def cancelled_by_asyncio() -> int:
    task = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    task.cancel()
    return await task


async def cancelled_by_a_scope(shield: bool) -> int:
    with anyio.CancelScope() as scope:
        scope.cancel()
        with anyio.CancelScope(shield=shield):
            return await clean_up()


once = asyncio.run(cancelled_by_asyncio())
again = asyncio.run(cancelled_by_a_scope(shield=False))
shielded = asyncio.run(cancelled_by_a_scope(shield=True))
print(f"task.cancel(): {once} cancellation in {SECONDS} s of cleanup")
print(f"cancelled AnyIO scope: {again} cancellations in {SECONDS} s of cleanup")
print(f"cancelled AnyIO scope, shielded cleanup: {shielded} cancellations in {SECONDS} s of cleanup")
sys.exit(0 if once == 1 and again > 50 and shielded == 0 else 1)
PYTHON
