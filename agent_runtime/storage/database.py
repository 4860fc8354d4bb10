"""What databases that speak SQL have in common: statements one by one, and connections that are kept."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

from agent_runtime.errors import StorageError
from agent_runtime.storage.sql import Dialect

__all__ = ("Database", "InDatabase", "Parameter", "Rows")

_IDLE = 16
"""Open connections that are kept for the next call; a guess."""

_of_parents: list[object] = []
"""Connections that a forked child has inherited. Here they must not be used or closed: SQLite forbids it, and
a server would end them for the parent."""

Parameter = str | float | int | None
Rows = list[tuple[object, ...]]


@runtime_checkable
class Closable(Protocol):
    """A connection, as far as it is the same for every database."""

    def close(self) -> Any:
        """Give it up."""


C = TypeVar("C", bound=Closable)


class Database(ABC, Generic[C]):
    """A database that any threads and processes use at once, each time with a connection of its own.

    Args:
        name: of what is kept in it, for errors.
        dialect: which words it takes.
        error: the class of what its driver raises.
    """

    def __init__(self, name: str, dialect: Dialect, error: type[Exception]) -> None:
        self.dialect = dialect
        self._name = name
        self._error = error
        # No lock: appending and popping are atomic. A connection is used by whoever has popped it.
        self._idle: deque[C] = deque()
        self._process = 0

    def __repr__(self) -> str:
        return self._name

    def write(self, statement: str, *parameters: Parameter) -> bool:
        """Carry out a statement; return whether it has changed anything.

        Raises:
            StorageError: the database cannot be used; its driver's own exception is the ``__cause__``.
        """
        return self._do(statement, parameters)[0] > 0

    def read(self, statement: str, *parameters: Parameter) -> Rows:
        """Carry out a statement; return the rows that it gives.

        Raises:
            StorageError: the database cannot be used; its driver's own exception is the ``__cause__``.
        """
        return self._do(statement, parameters)[1]

    def close(self) -> None:
        """Close the connections that are not in use; the database can be used again afterwards."""
        while (connection := self._take()) is not None:
            connection.close()

    @abstractmethod
    def _open(self) -> C:
        """Return a new connection to a database whose tables are those of this release."""

    @abstractmethod
    def _execute(self, connection: C, statement: str, parameters: Sequence[Parameter]) -> tuple[int, Rows]:
        """Carry out one statement; return how many rows it has changed, and those that it gives."""

    @abstractmethod
    def _explained(self, error: Exception) -> str:
        """Say what the driver has found, and what can be done where that is known."""

    @abstractmethod
    def _is_usable(self, connection: C) -> bool:
        """Whether a connection that was kept has not broken meanwhile."""

    def _do(self, statement: str, parameters: Sequence[Parameter]) -> tuple[int, Rows]:
        """Carry out one statement on a connection of its own for that time.

        Raises:
            StorageError: the database cannot be used; its driver's own exception is the ``__cause__``.
        """
        connection = self._take()
        try:
            if connection is None:
                connection = self._open()
            done = self._execute(connection, statement, parameters)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, self._error):
                raise StorageError(self._name, self._explained(error)) from error
            raise
        if len(self._idle) < _IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return done

    def _take(self) -> C | None:
        """Return a connection of this process that is not in use and can be used; None if there is none."""
        process = os.getpid()
        if self._process != process:
            _of_parents.append(self._idle)
            self._idle, self._process = deque(), process
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if self._is_usable(connection):
                return connection


class InDatabase:
    """What is kept in a database; leaving a ``with`` block closes it.

    Args:
        database: which.
    """

    def __init__(self, database: Database[Any]) -> None:
        self._database = database

    def __repr__(self) -> str:
        return repr(self._database)

    def close(self) -> None:
        """Close the connections that are not in use; this can be used again afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
