"""Takes SIGINT over for the wait and keeps it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from types import FrameType

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "signal_handler_not_restored",
    summary="installs a handler for SIGINT and does not give the old one back",
    caught_by=("leaves_no_footprint",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Be ready for Ctrl-C before the work begins."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)
    return right(source, inputs)


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
