"""Hosts that say what is not true, flood, or answer for somebody else: an error, never a false pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.model import Outcome

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

# A host may reach its own stream; these speak on it as no honest host would.
SPEAK = """
from matrix import wire
from matrix.child import Job
job = Job.resume()
token, stream = job._assignment.token, job._records
run(None, {})
"""


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        pytest.param(
            "stream.sendall(wire.encode('end', token, {'cell': 'a/b/c/d', 'outcome': 'pass'}))",
            "'a/b/c/d', which is not a cell",
            id="record_for_an_unknown_cell",
        ),
        pytest.param(
            "other = next(cell.id for cell in job.cells if cell.probe == 'b_honest')\n"
            "stream.sendall(wire.encode('end', token, {'cell': other, 'outcome': 'pass'}))",
            "which it had not begun",
            id="record_for_a_cell_that_has_not_begun",
        ),
        pytest.param(
            "stream.sendall(wire.encode('begin', token, {'cell': job.cells[-1].id}))",
            "had not ended",
            id="second_cell_at_once",
        ),
        pytest.param(
            "stream.sendall(wire.encode('end', 'guess', {'cell': job.cells[0].id, 'outcome': 'pass'}))",
            "wrong token",
            id="wrong_token",
        ),
        pytest.param(
            "line = wire.encode('end', token, {'cell': job.cells[0].id, 'outcome': 'pass'})\n"
            "stream.sendall(line.replace(str(os.getpid()).encode(), b'1'))",
            "from process 1 on the stream of process",
            id="somebody_elses_process_id",
        ),
        pytest.param(
            "stream.sendall(b'\\x00\\xff{}\\n')", "not a message", id="bytes_that_are_not_a_message"
        ),
        pytest.param("stream.sendall(b'[1, 2]\\n')", "not a message", id="json_that_is_not_a_message"),
        pytest.param("stream.sendall(wire.encode('praise', token))", "'praise'", id="unknown_kind"),
        pytest.param(
            "stream.sendall(wire.encode('end', token, {'cell': job.cells[0].id, 'outcome': 'great'}))",
            "'great': not an outcome",
            id="unknown_outcome",
        ),
        pytest.param(
            "stream.sendall(wire.encode('end', token, {'cell': job.cells[0].id, 'outcome': 3}))",
            "not a text",
            id="wrong_type",
        ),
        pytest.param("stream.sendall(b'x' * 3_000_000)", "longer than", id="line_without_an_end"),
    ],
)
def test_lie_on_the_record_stream_is_an_error_and_the_next_cell_gets_a_fresh_host(
    toy: Toy, lie: str, sentence: str
) -> None:
    toy.context().probe("a_lies", f"{SPEAK}{lie}\nthreading.Event().wait()", more="limit=20.0").probe(
        "b_honest"
    )

    records = toy.run()

    assert records["a_lies"].outcome is Outcome.ERROR
    assert sentence in records["a_lies"].detail
    assert records["b_honest"].outcome is Outcome.PASS


def test_flood_of_records_is_an_error(toy: Toy) -> None:
    flood = "while True: stream.sendall(wire.encode('ready', token, {}) * 1000)"
    toy.context().probe("floods", SPEAK + flood, more="limit=20.0")

    record = toy.run()["floods"]

    assert record.outcome is Outcome.ERROR
    assert "ready twice" in record.detail


def test_stranger_at_the_door_is_shown_out(toy: Toy) -> None:
    check = """
    from matrix import wire
    from matrix.child import Job
    address = Job.resume()._assignment.address
    stranger = wire.connect(address)
    stranger.sendall(wire.encode("hello", "guess", {"channel": "records"}))
    expect(got=stranger.recv(1), wanted=b"", of="what a stranger hears")
    talker = wire.connect(address)
    talker.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
    expect(got=talker.recv(1), wanted=b"", of="what somebody hears who speaks another protocol")
    run(None, {})
    """
    toy.context().probe("knocks", check)

    record = toy.run()["knocks"]

    assert record.detail == ""
    assert record.outcome is Outcome.PASS


def test_flood_of_output_is_bounded_and_keeps_both_ends(toy: Toy) -> None:
    check = """
    run(None, {})
    os.write(1, b"the beginning\\n")
    for _ in range(300):
        os.write(1, b"x" * 100_000)
    os.write(2, b"the end\\n")
    raise ValueError("after all that")
    """
    toy.context().probe("floods", check)

    record = toy.run()["floods"]

    assert record.outcome is Outcome.FAIL
    assert record.output.startswith("the beginning\n")
    assert record.output.endswith("the end\n")
    assert "bytes left out" in record.output
    assert len(record.output) < 100_000


def test_output_on_stdout_is_never_taken_for_a_record(toy: Toy) -> None:
    toy.context().probe("prints", 'run(None, {})\nprint(\'{"kind":"end","outcome":"fail"}\', flush=True)')

    assert toy.run()["prints"].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        pytest.param(
            "'uvloop.Loop', False, True", "running loop is no loop, stated is uvloop.Loop", id="loop"
        ),
        pytest.param("('a.A', 'b.B'), False, True", "stated is a.A or b.B", id="one_of_several_loops"),
        pytest.param("None, True, True", "current_task is False, stated is True", id="task"),
        pytest.param("None, False, False", "main_thread is True, stated is False", id="main_thread"),
        pytest.param("None, False, True, True", "kernel is False, stated is True", id="kernel"),
        pytest.param(
            "None, False, True, evidence={'via': 'http'}",
            "evidence via is None, stated is 'http'",
            id="evidence",
        ),
    ],
)
def test_context_that_is_not_what_it_states_is_an_error(toy: Toy, facts: str, sentence: str) -> None:
    toy.context(facts=facts).probe()

    record = toy.run()["works"]

    assert record.outcome is Outcome.ERROR
    assert record.detail.startswith("context degenerated: ")
    assert sentence in record.detail


def test_check_that_never_calls_run_is_an_error(toy: Toy) -> None:
    toy.context().probe("asserts_nothing", "pass")

    record = toy.run()["asserts_nothing"]

    assert record.outcome is Outcome.ERROR
    assert record.detail == "check never called run"


def test_host_that_takes_the_folder_of_the_run_away_costs_the_cells_after_it_and_not_the_run(
    toy: Toy,
) -> None:
    deletes = """
    import shutil
    run(None, {})
    shutil.rmtree(os.path.dirname(os.environ["MATRIX_JOB"]))
    """
    toy.context().probe("a_deletes", deletes, more="isolated=True").probe("b_works", more="isolated=True")

    records = toy.run()

    assert records["a_deletes"].outcome is Outcome.PASS
    assert records["b_works"].outcome is Outcome.ERROR
    assert records["b_works"].detail.startswith("no host could be started: ")
