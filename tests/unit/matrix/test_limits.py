"""Limits for enter, call and exit: a context states them, a probe may state its own, and hosts keep them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.model import Context, Control, Facts, Limits, Outcome, Phase, Probe, limits_of

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

CONTEXT = Context("c", "", Facts(None, False, False), enter_limit=3.0, call_limit=4.0, exit_limit=5.0)
FOR_EVER = "threading.Event().wait()"


@pytest.mark.parametrize(
    ("probe", "control", "limits"),
    [
        pytest.param({}, None, Limits(3, 4, 5), id="those_of_the_context"),
        pytest.param({"limit": 9.0}, None, Limits(3, 9, 5), id="a_longer_check"),
        pytest.param({"exit_limit": 1.0}, None, Limits(3, 4, 1), id="a_shorter_exit"),
        pytest.param({}, {"caught_by": ("p",), "limit": 1.0}, Limits(3, 1, 5), id="broken_bridge"),
        pytest.param({}, {"caught_by": ("p",), "limit": 8.0}, Limits(3, 4, 5), id="patient_broken_bridge"),
        pytest.param({}, {"passes": ("p",), "limit": 1.0}, Limits(3, 4, 5), id="near_miss"),
    ],
)
def test_limits_are_the_contexts_where_the_probe_states_none(
    probe: dict[str, float], control: dict[str, object] | None, limits: Limits
) -> None:
    stated = Probe("p", "", "S1", limit=probe.get("limit"), exit_limit=probe.get("exit_limit"))
    bridge = None if control is None else Control("b", "", **control)  # type: ignore[arg-type]  # rows above

    assert limits_of(CONTEXT, stated, bridge) == limits


@pytest.mark.parametrize(
    ("context", "probe", "host", "check", "phase", "sentence"),
    [
        pytest.param(
            "enter_limit=1.5", "", FOR_EVER, "", Phase.ENTER, "no cell began within 1.5 s", id="enter"
        ),
        pytest.param(
            "call_limit=1.5",
            "",
            "",
            FOR_EVER,
            Phase.CALL,
            "did not end within 1.5 s",
            id="context_call",
        ),
        pytest.param(
            "call_limit=60.0",
            "limit=1.5",
            "",
            FOR_EVER,
            Phase.CALL,
            "did not end within 1.5 s",
            id="call_of_the_probe",
        ),
        pytest.param(
            "exit_limit=1.5",
            "",
            "",
            f"threading.Thread(target=lambda: {FOR_EVER}).start()",
            Phase.EXIT,
            "did not end within 1.5 s",
            id="exit_of_the_context",
        ),
        pytest.param(
            "exit_limit=60.0",
            "exit_limit=1.5",
            "",
            f"threading.Thread(target=lambda: {FOR_EVER}).start()",
            Phase.EXIT,
            "did not end within 1.5 s",
            id="exit_of_the_probe",
        ),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="no signal reaches a hung Python there")
def test_each_phase_has_its_own_limit(
    toy: Toy, context: str, probe: str, host: str, check: str, phase: Phase, sentence: str
) -> None:
    """The others are far away, so that a hang found in time is found by this one."""
    performs = "for cell in job.cells: job.perform(cell)"
    toy.context(host=host or performs, more=context).probe("hangs", f"run(None, {{}})\n{check}", more=probe)

    record = toy.run()["hangs"]

    assert (record.outcome, record.phase) == (Outcome.HANG, phase)
    assert sentence in record.detail


def test_host_may_take_as_long_to_end_as_the_most_patient_of_its_probes(toy: Toy) -> None:
    """Alone, the first probe would have made a hang of it."""
    late = "import atexit, time\nrun(None, {})\natexit.register(time.sleep, 1.0)"
    toy.context().probe("a_hasty", more="exit_limit=0.2").probe("b_patient", late, more="exit_limit=60.0")

    assert {one.outcome for one in toy.run().values()} == {Outcome.PASS}


def test_list_shows_the_limits_that_are_stated(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context(more="enter_limit=31.0, exit_limit=2.5").probe("plain").probe("slow", more="limit=44.0")

    assert main(["list", "--registry", str(toy.root)]) == 0

    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["script"].endswith("toy (hangs after 31 s to enter, 15 s a call, 2.5 s to exit)")
    assert lines["slow"].endswith("it works (hangs after 44 s a call)")
    assert lines["plain"].endswith("it works")
