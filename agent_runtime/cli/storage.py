"""Where a command line keeps runs, and finds them again."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent_runtime.cli.exit_codes import UsageError
from agent_runtime.errors import (
    IdempotencyError,
    MissingExtraError,
    RunExistsError,
    RunNotFoundError,
    StorageError,
    WorkflowChangedError,
)

if TYPE_CHECKING:
    from agent_runtime.storage import PostgreSQLStorage, SQLiteStorage

    Kept = SQLiteStorage | PostgreSQLStorage

__all__ = ("MISNAMED", "add_run_id", "add_storage", "how_it_stands", "in_options", "storage_of")

MISNAMED = (IdempotencyError, RunExistsError, RunNotFoundError, WorkflowChangedError)
"""What is wrong with a command line that names a run, a key or a file."""

_SERVERS = ("postgresql://", "postgres://")


def add_storage(parser: argparse._ActionsContainer, *, required: bool) -> None:
    """Add the argument that says where runs are kept."""
    parser.add_argument(
        "--storage",
        required=required,
        metavar="PLACE",
        help="where runs are kept: the path of an SQLite file, or the postgresql:// URL of a database without"
        " a password, which comes from PGPASSWORD or a password file",
    )


def add_run_id(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says which run is meant."""
    parser.add_argument("run_id", metavar="RUN_ID", help="the run, as 'run' and 'runs' name it")


@contextlib.contextmanager
def storage_of(chosen: argparse.Namespace, *, made: bool = False) -> Iterator[Kept]:
    """Open the storage that the command line names.

    Args:
        chosen: the command line.
        made: whether a file that is not there is to be made.

    Raises:
        UsageError: there is none of this name.
    """
    from agent_runtime.storage import PostgreSQLStorage, SQLiteStorage

    place: str = chosen.storage
    if not place.startswith(_SERVERS):
        _check_file(place, made=made)
        storage: Kept = SQLiteStorage(place)
    else:
        _refuse_password(place)
        try:
            storage = PostgreSQLStorage(place)
        except MissingExtraError as error:
            raise UsageError(f"--storage: {error}") from None
    with contextlib.closing(storage):
        yield storage


def how_it_stands(storage: Kept, run_id: str) -> str:
    """Return what can be done with a run that has no result, for people."""
    from agent_runtime.runs.durable import may_go_on

    try:
        goes_on = may_go_on(storage, run_id)
    except StorageError as error:
        return str(error)
    return f"the run is kept as {run_id}" + ("; 'agent-runtime resume' goes on with it" if goes_on else "")


def in_options(error: BaseException) -> str:
    """Return the text of an error, with options of the command line where it speaks of Python."""
    if isinstance(error, RunExistsError):
        what = f"run {error.run_id!r} exists already, {error.detail}"
        return f"{what}; 'agent-runtime resume' goes on with it, and another --run-id begins a new one"
    if isinstance(error, WorkflowChangedError):
        what = f"run {error.run_id!r} cannot be resumed: {error.detail}"
        return (
            f"{what}; name the file that it was begun with, or add --allow-changes if its finished steps mean"
            " the same in this one"
        )
    return str(error)


def _check_file(place: str, *, made: bool) -> None:
    folder = os.path.dirname(place) or "."
    if not os.path.isdir(folder):
        raise UsageError(f"--storage {place}: there is no folder {folder}")
    if not made and not os.path.exists(place):
        raise UsageError(f"--storage {place}: there is no such file, so no run is kept in it")


def _refuse_password(place: str) -> None:
    """Refuse what other users of the machine could read in the list of processes."""
    authority = place.partition("://")[2].partition("/")[0]
    if ":" in authority.rpartition("@")[0] or "password=" in place:
        raise UsageError(
            "--storage: a password on a command line can be read by others; leave it out, and let PGPASSWORD"
            " or a password file say it"
        )
