"""The table of verdicts: what a child does, and what is recorded of it. Each row is a real child.

Beside every misbehaving cell stands an honest one: whatever the row, that one passes, and nothing is left.
"""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

import pytest

from matrix.model import Outcome, Phase
from tests.helpers.processes import processes_of_jobs_below

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.registries import Toy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and descriptors of POSIX")

FOR_EVER = "threading.Event().wait()"
PERFORM = "for cell in job.cells: job.perform(cell)"
# A host can reach its own stream, and so can everything in it.
SPEAK = """
from matrix import wire
from matrix.child import Job
job = Job.resume()
token, stream, me = job._assignment.token, job._records, job.cells[0].id
def say(kind, **body):
    stream.sendall(wire.encode(kind, token, body))
"""
AT_EXIT = "import atexit\nrun(None, {})\n"
KILL_ME = "os.kill(os.getpid(), signal.%s)"


class Recorded(NamedTuple):
    """What has to stand in the record."""

    outcome: Outcome
    phase: Phase | None
    detail: str


HANG_IN_CALL = Recorded(Outcome.HANG, Phase.CALL, "the check did not end within 1 s")


def enter(name: str, host: str, *recorded: object) -> object:
    """Return the row of a child that misbehaves before its first cell: so do all that are tried there."""
    return row(f"{SPEAK}{host}", "run(None, {})", recorded, name=f"enter_{name}", alone=True)


def call(name: str, check: str, *recorded: object) -> object:
    """Return the row of a child that misbehaves while its first cell runs."""
    return row(PERFORM, f"{SPEAK}run(None, {{}})\n{check}", recorded, name=f"call_{name}", alone=False)


def leave(name: str, check: str, *recorded: object) -> object:
    """Return the row of a child that misbehaves after its only cell."""
    return row(PERFORM, f"{SPEAK}{AT_EXIT}{check}", recorded, name=f"exit_{name}", alone=True)


def row(host: str, check: str, recorded: tuple[object, ...], *, name: str, alone: bool) -> object:
    """Return one row; ``alone`` gives the cell a host of its own, so that no other is to blame."""
    return pytest.param(host, check, Recorded(*recorded), alone, id=name)  # type: ignore[arg-type]  # rows below


E, C, X = Phase.ENTER, Phase.CALL, Phase.EXIT
HANG, CRASH, ERROR, FAIL, PASS = Outcome.HANG, Outcome.CRASH, Outcome.ERROR, Outcome.FAIL, Outcome.PASS

TABLE = [
    # hangs
    enter("hangs", FOR_EVER, HANG, E, "no cell began within 5 s"),
    enter("stops_itself", KILL_ME % "SIGSTOP", HANG, E, "no cell began within 5 s"),
    enter("becomes_another_program", "os.execvp('sleep', ['sleep', '1000'])", HANG, E, "no cell began"),
    call("hangs", FOR_EVER, *HANG_IN_CALL),
    call("spins", "while True: pass", *HANG_IN_CALL),
    call("stops_itself", KILL_ME % "SIGSTOP", *HANG_IN_CALL),
    call("hangs_and_ignores_sigterm", f"signal.signal(15, signal.SIG_IGN)\n{FOR_EVER}", *HANG_IN_CALL),
    call(
        "hangs_and_blocks_all_signals", f"signal.pthread_sigmask(0, range(1, 65))\n{FOR_EVER}", *HANG_IN_CALL
    ),
    call("hangs_below_half_a_record", f"stream.sendall(b'{{\"kind\":')\n{FOR_EVER}", *HANG_IN_CALL),
    leave("hangs", f"threading.Thread(target=lambda: {FOR_EVER}).start()", HANG, X, "did not end within 3 s"),
    leave(
        "stops_itself", f"atexit.register(lambda: {KILL_ME % 'SIGSTOP'})", HANG, X, "did not end within 3 s"
    ),
    # ends
    enter("dies_by_a_signal", KILL_ME % "SIGSEGV", CRASH, E, "killed by SIGSEGV"),
    enter("ends_without_a_word", "os._exit(0)", CRASH, E, "ended without a word"),
    enter("raises", "raise OSError('no port')", ERROR, None, "the host ended in OSError: no port"),
    enter("returns_at_once", "", ERROR, None, "returned without performing this cell"),
    call("dies_by_a_signal", KILL_ME % "SIGKILL", CRASH, C, "killed by SIGKILL"),
    call("aborts", "os.abort()", CRASH, C, "killed by SIGABRT"),
    call("ends_well", "os._exit(0)", CRASH, C, "ended during the call"),
    call("becomes_another_program", "os.execvp('true', ['true'])", CRASH, C, "ended during the call"),
    call(
        "ends_below_half_a_record", "stream.sendall(b'{\"kind\":'); os._exit(0)", CRASH, C, "during the call"
    ),
    leave("dies_by_a_signal", f"atexit.register(lambda: {KILL_ME % 'SIGKILL'})", CRASH, X, "by SIGKILL"),
    leave("ends_with_a_code", "atexit.register(os._exit, 3)", CRASH, X, "exit code 3"),
    # closes
    call(
        "closes_all_descriptors_and_hangs",
        f"os.closerange(0, 100)\n{FOR_EVER}",
        CRASH,
        C,
        "closed its record",
    ),
    call(
        "closes_all_descriptors_and_ends", "os.closerange(0, 100)\nos._exit(0)", CRASH, C, "during the call"
    ),
    call("closes_its_output", "os.close(0); os.close(1); os.close(2)", PASS, None, ""),
    # lies
    enter("begins_before_it_is_ready", "say('begin', cell=me)", ERROR, None, "not said that it is ready"),
    enter("is_ready_twice", "say('ready'); say('ready')", ERROR, None, "ready twice"),
    call("answers_first_with_a_pass", "say('end', cell=me, outcome='pass')", ERROR, None, "left to do"),
    call("answers_first_with_a_failure", "say('end', cell=me, outcome='fail')", ERROR, None, "left to do"),
    call(
        "answers_for_another",
        "say('end', cell=job.cells[-1].id, outcome='pass')",
        ERROR,
        None,
        "had not begun",
    ),
    call("answers_for_no_cell", "say('end', cell='a/b/c/d', outcome='pass')", ERROR, None, "is not a cell"),
    call("begins_another_at_once", "say('begin', cell=job.cells[-1].id)", ERROR, None, "had not ended"),
    call("says_that_it_was_skipped", "say('end', cell=me, outcome='skip')", ERROR, None, "cannot say"),
    call("says_that_it_crashed", "say('end', cell=me, outcome='crash')", ERROR, None, "cannot say"),
    call("invents_an_outcome", "say('end', cell=me, outcome='great')", ERROR, None, "not an outcome"),
    call("puts_off_less_than_nothing", "say('end', cell=me, outcome='pass', put_off=-1)", ERROR, None, "-1"),
    call(
        "takes_a_number_too_long",
        "say('end', cell=me, outcome='pass', seconds=10**400)",
        ERROR,
        None,
        "digits",
    ),
    call("answers_with_another_token", "token = 'guess'\nsay('end', cell=me)", ERROR, None, "wrong token"),
    call("is_done_before_its_end", f"say('done')\n{FOR_EVER}", *HANG_IN_CALL),
    call("prints_a_record", "os.write(1, wire.encode('end', token, {'cell': me}))", PASS, None, ""),
    # garbles
    call("sends_what_is_no_utf_8", "stream.sendall(b'\\xff\\xfe\\n')", ERROR, None, "not a message"),
    call(
        "sends_nothing_but_brackets", "stream.sendall(b'[' * 900_000 + b'\\n')", ERROR, None, "not a message"
    ),
    call("sends_a_huge_record", "say('end', cell=me, detail='x' * 2_000_000)", ERROR, None, "longer than"),
    call("sends_half_of_a_surrogate", "raise ValueError('\\ud800')", FAIL, None, "ended in ValueError: "),
    # floods
    call("floods_its_output", "for _ in range(300): os.write(1, b'x' * 100_000)", PASS, None, ""),
    call("floods_its_output_for_ever", "while True: os.write(2, b'x' * 100_000)", *HANG_IN_CALL),
    call("floods_its_stream", "while True: say('ready')", ERROR, None, "ready twice"),
    call(
        "floods_its_stream_without_an_end",
        "while True: stream.sendall(b'x' * 100_000)",
        ERROR,
        None,
        "longer",
    ),
    call(
        "knocks_for_ever",
        "kept = [wire.connect(job._assignment.address) for _ in range(300)]",
        PASS,
        None,
        "",
    ),
    # forks
    call("forks_and_the_child_comes_out", "if os.fork(): os.wait()", PASS, None, ""),
    call(
        "forks_and_the_child_answers_too",
        "if not os.fork(): say('end', cell=me, outcome='pass'); os._exit(0)\nos.wait()",
        ERROR,
        None,
        "on the stream of process",
    ),
    call(
        "forks_and_the_child_performs_too",
        "if not os.fork(): Job.resume().perform(job.cells[0]); os._exit(0)\nos.wait()",
        ERROR,
        None,
        "had not ended",
    ),
    call("forks_and_dies", f"if os.fork(): os._exit(0)\n{FOR_EVER}", CRASH, C, "during the call"),
    leave("leaves_a_fork", f"if not os.fork(): {FOR_EVER}", FAIL, None, "left a process behind"),
    # sets clocks
    call("moves_its_clocks", "import time\ntime.time = time.monotonic = lambda: -1e9", PASS, None, ""),
]


@pytest.mark.parametrize(("host", "check", "recorded", "alone"), TABLE)
def test_what_a_child_does_is_recorded_and_the_cell_beside_it_passes(
    toy: Toy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    check: str,
    recorded: Recorded,
    alone: bool,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("matrix.host.DYING", 1.0)
    hung = recorded.phase if recorded.outcome is HANG else None
    # Short only where a hang is waited for, and never too short for the honest host on a busy machine.
    enter_limit, limit, exit_limit = (
        5.0 if hung is E else 60.0,
        1.0 if hung is C else 60.0,
        3.0 if hung is X else 60.0,
    )
    toy.context(
        host=f"if job.cells[0].probe == 'b_honest':\n    {PERFORM}\nelse:\n{indented(host)}",
        more=f"enter_limit={enter_limit}, exit_limit={exit_limit}",
    )
    toy.probe("a_cell", check, more=f"isolated={alone}, limit={limit}").probe("b_honest", more="limit=60.0")

    records = toy.run()

    record = records["a_cell"]
    assert (record.outcome, record.phase) == (recorded.outcome, recorded.phase), record.detail
    assert recorded.detail in record.detail
    assert bool(recorded.detail) is bool(record.detail)
    assert records["b_honest"].outcome is PASS
    assert processes_of_jobs_below(tmp_path) == []
    assert len(record.output) < 100_000
    assert record.as_line().encode(errors="backslashreplace")


def indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines()) + "\n    pass"
