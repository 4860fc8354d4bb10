"""Secrets that workflows name and never see: handed to functions and tools, blacked out everywhere else.

For code of this package that writes something down:

- what a user's code has returned goes through ``around.redacted(value)`` before anything else sees it, and an
  exception becomes text by ``around.texts_of(error)``; both cost nothing in a run without secrets;
- code that does not belong to a run, a log or an exporter, takes :func:`redact`;
- a client with a key of its own keeps it as a :class:`Secret` and has a ``Redactor([key])`` for what servers
  send back.

Redact first, shorten after: half a secret is not found any more.
"""

from __future__ import annotations

from agent_runtime.secrets.logs import RedactingFilter
from agent_runtime.secrets.redactor import HIDDEN, Redactor, redact
from agent_runtime.secrets.secret import Secret
from agent_runtime.secrets.vault import RunSecrets, Vault

__all__ = ("HIDDEN", "RedactingFilter", "Redactor", "RunSecrets", "Secret", "Vault", "redact")
