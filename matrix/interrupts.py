"""Ctrl-C and SIGTERM while hosts run: noted at once, raised where the supervisor can stop without loss."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self

__all__ = ("Interrupts",)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds after which a second press is another one, and not the same that came twice; a guess.
PATIENCE = 1.0


class Interrupts:
    """Takes both signals over, in the main thread, for as long as the block goes on.

    The first one makes :attr:`wakeup` readable, for the loop over all hosts; that calls :meth:`raise_noted`
    between two of its steps, so that no record is half written and no host half started. Another one a second
    later, if the loop has not come round by then, raises where it comes. Once KeyboardInterrupt has been
    raised, more of them change nothing: hosts are being killed, and that must come to its end.
    """

    def __init__(self) -> None:
        self.wakeup, self._alarm = socket.socketpair()
        self._alarm.setblocking(False)
        self._noted = 0.0
        self._raised = False
        self._before = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._before.callback(self.wakeup.close)
        self._before.callback(self._alarm.close)
        for number in SIGNALS:
            # A handler that was not installed by Python cannot be put back: None.
            before = signal.signal(number, self._note) or signal.SIG_DFL
            self._before.callback(signal.signal, number, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._before.close()

    def raise_noted(self) -> None:
        """Raise what has been noted.

        Raises:
            KeyboardInterrupt: a signal has come.
        """
        if self._noted and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self._noted:
            self._noted = now
            self._alarm.send(b"!")
        elif now - self._noted >= PATIENCE:
            self.raise_noted()
