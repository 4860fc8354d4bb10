"""What can only be seen when the process ends."""

from __future__ import annotations

import atexit
import traceback
from collections.abc import Callable

from matrix.repro.inside.telling import tell

__all__ = ("check_at_exit",)


def check_at_exit(check: Callable[[], object]) -> None:
    """Check something in an exit hook of this process, registered right now."""
    tell("put off")
    atexit.register(_check_late, check)


def _check_late(check: Callable[[], object]) -> None:
    try:
        check()
    except BaseException as error:  # noqa: BLE001 - a claim may end in any exception at all
        tell("fail", f"{type(error).__name__}: {error}", traceback.format_exc())
    else:
        tell("made")
