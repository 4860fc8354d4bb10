"""Replaces ``asyncio.run`` for everybody, with the signature of some older Python.

Reports: import-breaks-server (cdp-sdk), debugger-only (Uvicorn): "unexpected keyword argument".
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "patches_asyncio_run",
    summary="replaces asyncio.run() for the whole process",
    caught_by=("leaves_no_footprint",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Make ``asyncio.run`` work everywhere, then call."""
    asyncio.run = _run  # type: ignore[assignment]  # the mistake
    return right(source, inputs)


def _run(main: Coroutine[Any, Any, object], *, debug: bool = False) -> object:
    with asyncio.Runner(debug=debug) as runner:
        return runner.run(main)
