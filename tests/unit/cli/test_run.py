"""``agent-runtime run``: the result on stdout, all else on stderr, and an exit code that tells the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_runtime.cli import main
from tests.helpers.command_line import command

RUN = ("run", "sums.yaml", "--functions", "host:FUNCTIONS", "--tools", "host:TOOLS")


def workflow(folder: Path, steps: str) -> str:
    (folder / "other.yaml").write_text(f"steps:\n{steps}", encoding="utf-8")
    return "other.yaml"


def test_stdout_gets_the_result_and_nothing_else(folder: Path) -> None:
    done = command(*RUN, "--input", "number=21", folder=folder)

    result = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "a step prints this\n")
    assert result["outputs"] == {"doubled": 42, "shown": "42 x", "more": None}
    assert result["status"] == "succeeded"
    assert result["steps"]["double"]["thread"] == "MainThread"


@pytest.mark.parametrize(
    ("given", "outputs"),
    [
        pytest.param(["number=3", "word=7"], {"doubled": 6, "shown": "6 7", "more": None}, id="by_type"),
        pytest.param(["number=3", "more=[1]"], {"doubled": 6, "shown": "6 x", "more": [1]}, id="json"),
        pytest.param(["number=3", "more=a b"], {"doubled": 6, "shown": "6 x", "more": "a b"}, id="text"),
        pytest.param(["number=3", "word=a=b"], {"doubled": 6, "shown": "6 a=b", "more": None}, id="equals"),
    ],
)
def test_value_of_an_input_is_read_by_its_declared_type(
    folder: Path, capsys: pytest.CaptureFixture[str], given: list[str], outputs: object
) -> None:
    code = main([*RUN, *(word for each in given for word in ("--input", each))])

    assert code == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == outputs


def test_inputs_come_from_a_file_and_single_ones_go_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "inputs.json").write_text('{"number": 1, "word": "w"}', encoding="utf-8")

    code = main([*RUN, "--inputs", "inputs.json", "--input", "number=5"])

    assert code == 0
    assert json.loads(capsys.readouterr().out)["outputs"]["shown"] == "10 w"


def test_workflow_and_inputs_may_come_through_stdin(folder: Path) -> None:
    text = (folder / "sums.yaml").read_text(encoding="utf-8")

    by_stdin = command("run", "-", *RUN[2:], "--input", "number=1", folder=folder, stdin=text)
    inputs_by_stdin = command(*RUN, "--inputs", "-", folder=folder, stdin='{"number": 2}')

    assert json.loads(by_stdin.stdout)["outputs"]["doubled"] == 2
    assert json.loads(inputs_by_stdin.stdout)["outputs"]["doubled"] == 4


def test_one_function_may_be_registered_under_another_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workflow(folder, "  - {id: a, tool: crm.find, with: {value: 1, word: b}}\n")

    code = main(["run", file, "--tools", "crm.find=host:show"])

    assert code == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == {"a": "1 b"}


@pytest.mark.parametrize("name", ["Model", "Model.__new__", "NUMBER"])
def test_client_is_an_object_or_what_makes_one(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = workflow(folder, "  - {id: ask, agent: {messages: [{role: user, content: q}]}}\n")

    code = main(["run", file, "--llm", f"host:{name}"])

    said = capsys.readouterr()
    if name == "Model":
        assert json.loads(said.out)["outputs"]["ask"]["content"] == "an answer"
    else:
        assert (code, said.out) == (2, "")
        assert f"--llm host:{name}" in said.err


def test_who_answers_is_said_when_no_client_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workflow(folder, "  - {id: ask, agent: {messages: [{role: user, content: q}]}}\n")

    code = main(["run", file])

    said = capsys.readouterr()
    assert code == 0
    assert json.loads(said.out)["outputs"]["ask"]["content"] == "q"
    assert "a scripted client answers" in said.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--functions", "nowhere:X"], "there is no module 'nowhere'", id="no_module"),
        pytest.param(["--functions", "host:FUNCTION"], "did you mean 'FUNCTIONS'?", id="no_name"),
        pytest.param(["--functions", "host:NUMBER"], "it must be a function", id="no_function"),
        pytest.param(["--functions", "host"], "write MODULE:NAME", id="no_colon"),
        pytest.param(["--input", "number"], "write --input NAME=VALUE", id="no_value"),
        pytest.param(["--input", "number=x"], "is of the type integer, and this is not JSON", id="no_json"),
        pytest.param(["--input", "word=1", "--input", "word=2"], "is given twice", id="twice"),
        pytest.param(["--inputs", "nothing.json"], "the file cannot be read", id="no_file"),
        pytest.param(["--inputs", "sums.yaml"], "sums.yaml:2:1: this is not JSON", id="yaml_for_json"),
    ],
)
def test_mistake_of_the_command_line_is_said_with_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    code = main([*RUN, *arguments])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert says in said.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["run", "nothing.yaml"], "nothing.yaml: there is no such file", id="no_file"),
        pytest.param(["run", "sums.yaml"], "sums.yaml:8:28: step 'double' names the function", id="no_code"),
        pytest.param([*RUN], "input 'number'", id="no_input"),
        pytest.param([*RUN, "--input", "number=1", "--input", "numer=1"], "did you mean 'number'", id="typo"),
    ],
)
def test_wrong_workflow_or_input_is_said_with_code_3(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    code = main(arguments)

    said = capsys.readouterr()
    assert (code, said.out) == (3, "")
    assert says in said.err


def test_failed_step_is_named_with_its_error_and_the_line_that_raised(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workflow(folder, "  - {id: bad, function: fail}\n")

    code = main(["run", file, "--functions", "host:FUNCTIONS"])

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert "step 'bad' failed: ValueError: no \\x1b[31mred\\x1b[0m here <script>" in said.err
    assert f"raised in fail ({folder / 'host.py'}:16)" in said.err
    assert "\x1b" not in said.err


def test_traceback_is_shown_when_asked_for_and_acts_on_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workflow(folder, "  - {id: bad, function: fail}\n")

    main(["run", file, "--functions", "host:FUNCTIONS", "--traceback"])

    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert "\x1b" not in said


def test_warnings_of_the_runtime_act_on_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workflow(folder, "  - {id: bad, function: fail, on_error: continue}\n")

    code = main(["run", file, "--functions", "host:FUNCTIONS"])

    said = capsys.readouterr()
    assert code == 0
    assert json.loads(said.out)["steps"]["bad"]["state"] == "failed"
    assert "step 'bad' failed, and the run goes on" in said.err
    assert "\x1b" not in said.err


SECRETIVE = "  - {id: use, function: use, with: {key: '${secrets.key}'}}\n"


def test_secret_comes_from_a_variable_and_is_shown_nowhere(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "sk-very-secret")
    file = workflow(folder, SECRETIVE)
    use = ["--functions", "host:use", "--secret", "key=SHOP_KEY", "--trace", "out.json", "--trace-errors"]
    raising = "def use(key):\n    raise ValueError(f'wrong key: {key}, {key.encode().hex()}')\n"
    (folder / "host.py").write_text(raising, encoding="utf-8")

    code = main(["run", file, *use, "--traceback", "--progress", "plain"])

    said = capsys.readouterr().err
    assert code == 1
    assert "ValueError: wrong key: " in said
    for text in (said, (folder / "out.json").read_text(encoding="utf-8")):
        assert "sk-very-secret" not in text
        assert b"sk-very-secret".hex() not in text


def test_warning_is_a_line_of_the_progress(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workflow(folder, "  - {id: ask, agent: {messages: [{role: user, content: Hello}]}}\n")
    model = "class Model:\n    def call_llm(self, **question):\n        return {}\n"
    (folder / "host.py").write_text(model, encoding="utf-8")

    code = main(["run", file, "--llm", "host:Model", "--progress", "plain"])

    lines = capsys.readouterr().err.splitlines()
    assert code == 0
    assert lines[0] == "! ask  the reply has no 'content'; 'No content generated' stands in its place"
    assert lines[1].startswith("✓ ask  ")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param("key", "write --secret NAME=VARIABLE", id="no_variable"),
        pytest.param("key=NO_SUCH_KEY", "there is no environment variable", id="not_set"),
        pytest.param("key=SHORT_KEY", "--secret: ", id="too_short"),
    ],
)
def test_secret_that_cannot_be_had_is_a_mistake_of_the_command_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    says: str,
) -> None:
    monkeypatch.setenv("SHORT_KEY", "x")
    (folder / "host.py").write_text("def use(key): pass\n", encoding="utf-8")

    code = main(["run", workflow(folder, SECRETIVE), "--functions", "host:use", "--secret", given])

    assert code == 2
    assert says in capsys.readouterr().err


def test_time_limit_has_a_code_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workflow(folder, "  - {id: slow, function: wait}\n")

    code = main(["run", file, "--functions", "host:FUNCTIONS", "--timeout", "0.05"])

    said = capsys.readouterr()
    assert (code, said.out) == (124, "")
    assert "was cancelled after 0.05 s" in said.err
    assert "cleaned up" in said.err


def test_trace_is_written_however_the_run_ends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workflow(folder, "  - {id: bad, function: fail}\n")

    code = main(["run", file, "--functions", "host:FUNCTIONS", "--trace", "out.json"])

    data = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert code == 1
    assert [(span["kind"], span["name"]) for span in data["spans"]][:2] == [("run", "other"), ("step", "bad")]
    assert "no \\u001b[31mred" not in json.dumps(data)
    capsys.readouterr()

    main(["run", file, "--functions", "host:FUNCTIONS", "--trace", "out.json", "--trace-errors"])

    assert "[31mred" in (folder / "out.json").read_text(encoding="utf-8")


def test_time_limit_that_is_no_number_is_a_mistake_of_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*RUN, "--timeout", "nan"])

    assert caught.value.code == 2
    assert "argument --timeout: 'nan' is no number of seconds; write 30" in capsys.readouterr().err


def test_trace_that_cannot_be_written_is_said_before_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*RUN, "--input", "number=1", "--trace", "no/such/folder.json"])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert "--trace no/such/folder.json: the file cannot be written" in said.err
    assert "a step prints this" not in said.err


def test_what_json_does_not_have_comes_as_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "host.py").write_text(
        "import datetime\ndef odd(): return {1: float('nan'), 'd': datetime.date(2024, 1, 2), 's': {3},"
        " 'esc': '\\x9b31m\\u202e'}\n",
        encoding="utf-8",
    )
    file = workflow(folder, "  - {id: odd, function: odd}\n")

    code = main(["run", file, "--functions", "host:odd"])

    said = capsys.readouterr().out
    assert code == 0
    assert json.loads(said)["outputs"]["odd"] == {
        "1": "nan",
        "d": "2024-01-02",
        "s": [3],
        "esc": "\x9b31m\u202e",
    }
    assert "\x9b" not in said
    assert "\u202e" not in said


def test_value_that_leads_back_to_itself_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "host.py").write_text(
        "def odd():\n    a = []\n    a.append(a)\n    return a\n", encoding="utf-8"
    )
    file = workflow(folder, "  - {id: odd, function: odd}\n")

    code = main(["run", file, "--functions", "host:odd"])

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert "a value leads back to itself" in said.err


def test_reader_that_leaves_early_makes_no_traceback(folder: Path) -> None:
    file = workflow(folder, "  - {id: big, agent: {messages: [{role: user, content: x}], config: {}}}\n")
    import subprocess
    import sys

    from tests.helpers.command_line import ROOT

    script = f"{sys.executable} -m agent_runtime run {file} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=False,
    )

    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
