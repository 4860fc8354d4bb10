"""Takes the descriptor by which the host loop hears of signals, and does not put it back.

Report: wakeup-fd-stolen (ROS 2 launch): signals lost, asyncio had replaced the wakeup descriptor.
"""

from __future__ import annotations

import functools
import signal
import socket
import threading
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "wakeup_descriptor_stolen",
    summary="sets the wakeup descriptor of signals for its own loop and leaves it set",
    caught_by=("leaves_no_footprint",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Hear of signals on a socket of one's own, as a loop does that gets a signal handler."""
    if threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(_sockets()[0].fileno(), warn_on_full_buffer=False)
    return right(source, inputs)


@functools.cache
def _sockets() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs
