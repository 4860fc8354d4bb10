"""Other libraries that call async code from sync code, each as its documentation says."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.model import AsyncFn, Candidate, Kind, SyncFn, Where

__all__ = ("CANDIDATES",)


@contextmanager
def _anyio(async_fn: AsyncFn) -> Iterator[SyncFn]:
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        yield functools.partial(portal.call, async_fn)


@contextmanager
def _asgiref(async_fn: AsyncFn) -> Iterator[SyncFn]:
    from asgiref.sync import async_to_sync

    yield async_to_sync(async_fn)


@contextmanager
def _synchronicity(async_fn: AsyncFn) -> Iterator[SyncFn]:
    from synchronicity import Synchronizer

    wrapped: SyncFn = Synchronizer().wrap(async_fn)
    yield wrapped


@contextmanager
def _unsync(async_fn: AsyncFn) -> Iterator[SyncFn]:
    from unsync import unsync

    wrapped = unsync(async_fn)
    yield lambda: wrapped().result()


@contextmanager
def _fsspec(async_fn: AsyncFn) -> Iterator[SyncFn]:
    from fsspec.asyn import get_loop, sync

    yield functools.partial(sync, get_loop(), async_fn)


CANDIDATES = (
    Candidate("anyio", "anyio BlockingPortal", Kind.PEER, Where.LOOP, _anyio, "anyio", crowd="anyio"),
    Candidate(
        # It refuses to be called where a loop runs.
        "asgiref", "asgiref async_to_sync", Kind.PEER, Where.SCRIPT, _asgiref, "asgiref", crowd="asgiref",
    ),
    Candidate(
        "synchronicity", "synchronicity", Kind.PEER, Where.LOOP, _synchronicity, "synchronicity",
        crowd="synchronicity",
    ),
    Candidate("unsync", "unsync", Kind.PEER, Where.LOOP, _unsync, "unsync", crowd="unsync"),
    Candidate("fsspec", "fsspec.asyn.sync", Kind.PEER, Where.LOOP, _fsspec, "fsspec", crowd="fsspec"),
)  # fmt: skip
