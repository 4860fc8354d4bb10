"""The inbox of a call on CPython 3.11 and 3.12; it is pure Python, and behaves alike on all versions."""

from __future__ import annotations

import signal
import sys
import threading
import time

import pytest

from agent_runtime.bridge.parking import Empty, PatientQueue

WRITERS, ITEMS = 8, 2_000


def test_items_come_in_the_order_in_which_they_were_put() -> None:
    inbox = PatientQueue()
    for item in range(3):
        inbox.put(item)
    assert [inbox.get() for _ in range(3)] == [0, 1, 2]
    assert inbox.empty()


def test_nothing_that_threads_put_at_the_same_time_is_lost() -> None:
    def write(writer: int) -> None:
        begin.wait()
        for number in range(ITEMS):
            inbox.put((writer, number))

    inbox, begin = PatientQueue(), threading.Barrier(WRITERS + 1)
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    begin.wait()
    got = [inbox.get(timeout=20) for _ in range(WRITERS * ITEMS)]
    for thread in threads:
        thread.join()

    assert inbox.empty()
    for writer in range(WRITERS):
        assert [number for who, number in got if who == writer] == list(range(ITEMS))


def test_empty_inbox_says_so_after_the_timeout() -> None:
    inbox = PatientQueue()
    inbox.put("taken before")
    inbox.get()
    began = time.monotonic()
    with pytest.raises(Empty):
        inbox.get(timeout=0.05)
    assert time.monotonic() - began >= 0.05


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_handler_that_outlasts_the_timeout_does_not_make_it_endless() -> None:
    def handler(signum: int, frame: object) -> None:
        time.sleep(0.3)

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(Empty):
            PatientQueue().get(timeout=0.1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_what_a_signal_handler_puts_ends_the_wait_that_it_interrupts() -> None:
    inbox = PatientQueue()
    previous = signal.signal(signal.SIGALRM, lambda signum, frame: inbox.put("from the handler"))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        assert inbox.get(timeout=20) == "from the handler"
    finally:
        signal.signal(signal.SIGALRM, previous)
