"""Secrets in logs: a filter for any handler or logger, put on this package's own."""

from __future__ import annotations

import io
import logging
import traceback

from agent_runtime.secrets.redactor import redact

__all__ = ("RedactingFilter", "watch_own_log")

_OWN = "agent_runtime"

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given with ``extra``."""


class RedactingFilter(logging.Filter):
    """Black secrets out of log records: messages, what is given with ``extra``, tracebacks, stacks.

    The package's own logger has one as soon as there are secrets. Add one to handlers, so that it also sees
    what tools and other libraries log: ``handler.addFilter(RedactingFilter())``. A record whose exception
    says a secret keeps the traceback as text and loses the exception itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record where need be; every record passes."""
        self._message(record)
        if record.exc_info:
            self._exception(record, record.exc_info)
        if record.exc_text:
            record.exc_text = str(redact(record.exc_text))
        if record.stack_info:
            record.stack_info = str(redact(record.stack_info))
        for name in vars(record).keys() - _PLAIN:
            setattr(record, name, redact(getattr(record, name)))
        return True

    @staticmethod
    def _message(record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - wrong arguments; logging itself will say so
            record.args = redact(record.args)  # type: ignore[assignment]  # of the same kind as before
            return
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()

    @staticmethod
    def _exception(record: logging.LogRecord, given: object) -> None:
        if not isinstance(given, tuple) or given[1] is None:
            return
        text = io.StringIO()
        try:
            traceback.print_exception(*given, file=text)
        except Exception:  # noqa: BLE001 - the exception's own code; logging could not print it either
            record.exc_text = f"{type(given[1]).__qualname__}: its traceback cannot be written out"
            record.exc_info = None
            return
        written = text.getvalue().removesuffix("\n")
        clean = redact(written)
        if clean != written:
            record.exc_text, record.exc_info = str(clean), None


def watch_own_log() -> None:
    """Put a filter on the package's own logger, if it has none yet."""
    log = logging.getLogger(_OWN)
    if not any(isinstance(each, RedactingFilter) for each in log.filters):
        log.addFilter(RedactingFilter())
