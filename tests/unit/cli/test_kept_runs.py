"""``agent-runtime runs|resume|approve|cancel``: runs that outlive the command that began them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agent_runtime import RunStatus, Runtime, SQLiteStorage
from agent_runtime.cli import main
from tests.helpers.command_line import at_terminal, command

HOST = """
import asyncio
import os


def look(amount):
    print("look")
    return amount


def undo():
    print("undo")


def refund(amount):
    if os.path.exists("bank-is-closed"):
        raise OSError("the bank is closed")
    return amount


async def wait():
    await asyncio.sleep(3600 if os.path.exists("bank-is-closed") else 0)


FUNCTIONS = {"look": look, "undo": undo, "refund": refund, "wait": wait}
"""

REFUND = """
name: refund
inputs: {amount: number}
steps:
  - {id: look, function: look, with: {amount: "${inputs.amount}"}}
  - {id: boss, needs: look, approval: "Refund ${inputs.amount}?"}
  - {id: refund, function: refund, needs: boss, with: {amount: "${inputs.amount}"}}
"""

PAY = """
name: pay
steps:
  - {id: look, function: look, with: {amount: 1}}
  - {id: refund, function: refund, with: {amount: "${steps.look.output}"}}
"""

UNDONE = PAY.replace("{amount: 1}}", "{amount: 1}, compensate: {function: undo}}")

WAITS = """
name: waits
steps:
  - {id: look, function: look, with: {amount: 1}}
  - {id: slow, function: wait, needs: look}
"""

KEPT = ("--storage", "runs.db")
FUNCTIONS = ("--functions", "bank:FUNCTIONS")


@pytest.fixture
def bank(folder: Path) -> Path:
    (folder / "bank.py").write_text(HOST, encoding="utf-8")
    for name, text in {"refund": REFUND, "pay": PAY, "undone": UNDONE, "waits": WAITS}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_run_waits_for_a_decision_and_goes_on_in_other_processes(bank: Path) -> None:
    asked = command(
        "run", "refund.yaml", "--input", "amount=3", *FUNCTIONS, *KEPT, "--run-id", "r", folder=bank
    )
    decided = command("approve", "r", "boss", *KEPT, "--by", "Ada", folder=bank)
    done = command("resume", "r", "refund.yaml", *FUNCTIONS, *KEPT, "--progress", "plain", folder=bank)

    assert asked.returncode == 4
    assert json.loads(asked.stdout)["waiting"] == {
        "boss": {"message": "Refund 3?", "options": ["approve", "reject"]}
    }
    assert "step 'boss' asks: Refund 3? (approve or reject)" in asked.stderr
    assert decided.returncode == 0
    assert done.returncode == 0
    outputs = json.loads(done.stdout)["outputs"]
    assert (outputs["refund"], outputs["boss"]["by"]) == (3, "Ada")
    assert "look  ended before" in done.stderr
    assert "\nlook\n" not in done.stderr  # what its function prints: it was not called again


def test_what_has_failed_is_kept_and_said_to_be_resumed(
    bank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bank / "bank-is-closed").touch()
    failed = main(["run", "pay.yaml", *FUNCTIONS, *KEPT, "--run-id", "r"])
    said = capsys.readouterr().err
    (bank / "bank-is-closed").unlink()
    resumed = main(["resume", "r", "pay.yaml", *FUNCTIONS, *KEPT])

    assert (failed, resumed) == (1, 0)
    assert "the run is kept as r; 'agent-runtime resume' goes on with it" in said
    assert json.loads(capsys.readouterr().out)["outputs"]["refund"] == 1


def test_what_has_been_undone_is_not_said_to_be_resumed(
    bank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bank / "bank-is-closed").touch()
    failed = main(["run", "undone.yaml", *FUNCTIONS, *KEPT, "--run-id", "r"])
    said = capsys.readouterr().err
    resumed = main(["resume", "r", "undone.yaml", *FUNCTIONS, *KEPT])

    assert (failed, resumed) == (1, 1)
    assert said.endswith("the run is kept as r\n")
    assert "what had succeeded has been undone; start a new one" in capsys.readouterr().err


def test_a_known_key_gives_the_result_that_is_there(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once = [main(["run", "pay.yaml", *FUNCTIONS, *KEPT, "--idempotency-key", "k"]) for _ in range(2)]
    said = capsys.readouterr()

    assert once == [0, 0]
    assert said.err.count("look\n") == 1
    assert said.out.count('"refund": 1') == 2


def test_cancelling_undoes_what_a_run_has_done(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    undoes = "id: look, compensate: {function: undo},"
    text = REFUND.replace("id: look,", undoes)
    (bank / "refund.yaml").write_text(text, encoding="utf-8")
    main(["run", "refund.yaml", "--input", "amount=3", *FUNCTIONS, *KEPT, "--run-id", "r"])
    capsys.readouterr()

    code = main(["cancel", "r", "refund.yaml", *FUNCTIONS, *KEPT])

    said = capsys.readouterr()
    assert code == 0
    assert "undo" in said.out + said.err
    assert "run r is cancelled" in said.err


def test_runs_are_listed_newest_first(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        main(["run", "pay.yaml", *FUNCTIONS, *KEPT, "--run-id", name])
    main(["run", "refund.yaml", "--input", "amount=3", *FUNCTIONS, *KEPT, "--run-id", "c"])
    capsys.readouterr()

    main(["runs", *KEPT])
    lines = capsys.readouterr().out.splitlines()
    main(["runs", *KEPT, "--state", "waiting", "--json"])
    (waiting,) = json.loads(capsys.readouterr().out)

    assert [line.split()[:2] for line in lines] == [["c", "waiting"], ["b", "succeeded"], ["a", "succeeded"]]
    assert (waiting["run_id"], waiting["workflow"]) == ("c", "refund")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_a_run_that_ctrl_c_has_stopped_goes_on(bank: Path) -> None:
    (bank / "bank-is-closed").touch()
    with at_terminal("run", "waits.yaml", *FUNCTIONS, *KEPT, "--run-id", "r", folder=bank) as run:
        run.read_until("in progress: slow")
        run.press_ctrl_c()
        code, _ = run.end()
    (bank / "bank-is-closed").unlink()

    resumed = command("resume", "r", "waits.yaml", *FUNCTIONS, *KEPT, folder=bank)

    assert code == 130
    assert "the run is kept as r; 'agent-runtime resume' goes on with it" in run.seen
    assert resumed.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("runs", "--storage", "no.db"), "there is no such file", id="no_file"),
        pytest.param(("runs", "--storage", "no/runs.db"), "there is no folder no", id="no_folder"),
        pytest.param(
            ("runs", "--storage", "postgresql://me:secret@localhost/db"),
            "a password on a command line can be read by others",
            id="password",
        ),
        pytest.param(("approve", "r", "boss", *KEPT), "there is no run 'r'", id="no_run"),
        pytest.param(("approve", "done", "boss", *KEPT), "does not wait for a decision", id="no_question"),
        pytest.param(("resume", "r", "pay.yaml", *FUNCTIONS, *KEPT), "there is no run 'r'", id="resume_none"),
        pytest.param(
            ("run", "pay.yaml", *FUNCTIONS, *KEPT, "--run-id", "done"),
            "another --run-id begins a new one",
            id="id_twice",
        ),
        pytest.param(
            ("run", "pay.yaml", *FUNCTIONS, "--idempotency-key", "k"), "add --storage PLACE", id="key_alone"
        ),
        pytest.param(
            ("run", "pay.yaml", *FUNCTIONS, *KEPT, "--run-id", ""), "1 to 200 printable", id="empty_id"
        ),
        pytest.param(("cancel", "r", "pay.yaml", *FUNCTIONS, *KEPT), "there is no run 'r'", id="cancel_none"),
    ],
)
def test_mistakes_of_the_command_line_are_named(
    bank: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    main(["run", "pay.yaml", *FUNCTIONS, *KEPT, "--run-id", "done"])
    capsys.readouterr()

    code = main(arguments)

    err = capsys.readouterr().err
    assert code == 2
    assert said in err
    assert "secret" not in err


def test_another_workflow_than_the_run_was_begun_with_is_refused_unless_allowed(
    bank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bank / "bank-is-closed").touch()
    main(["run", "pay.yaml", *FUNCTIONS, *KEPT, "--run-id", "r"])
    (bank / "bank-is-closed").unlink()
    (bank / "pay.yaml").write_text(
        PAY + "  - {id: more, function: look, with: {amount: 2}}\n", encoding="utf-8"
    )
    capsys.readouterr()

    refused = main(["resume", "r", "pay.yaml", *FUNCTIONS, *KEPT])
    said = capsys.readouterr()
    allowed = main(["resume", "r", "pay.yaml", *FUNCTIONS, *KEPT, "--allow-changes"])

    assert (refused, said.out, allowed) == (2, "", 0)
    assert "add --allow-changes if its finished steps mean the same" in said.err
    assert json.loads(capsys.readouterr().out)["outputs"]["more"] == 2


def test_a_file_that_is_no_storage_is_named(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["runs", "--storage", "pay.yaml"])

    assert code == 1
    assert "this file is no SQLite database" in capsys.readouterr().err


def test_a_run_of_the_command_line_can_be_resumed_by_a_program(bank: Path) -> None:
    command("run", "refund.yaml", "--input", "amount=3", *FUNCTIONS, *KEPT, "--run-id", "r", folder=bank)
    storage = SQLiteStorage(bank / "runs.db")
    functions = {"look": lambda amount: amount, "refund": lambda amount: -amount}
    runtime = Runtime(bank / "refund.yaml", functions=functions, storage=storage)

    runtime.approve("r", "boss")
    result = runtime.resume("r")
    storage.close()

    assert (result.status, result.outputs["refund"]) == (RunStatus.SUCCEEDED, -3)
