"""Installs a loop policy of its own for the whole process.

Reports: policy-uvloop-subprocess, timeout-under-patch.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "policy_installed",
    summary="installs an event loop policy for the whole process",
    caught_by=("leaves_no_footprint",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Choose the kind of loop before one is made."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # policies are deprecated from Python 3.14 on
        asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    return right(source, inputs)
