"""``agent-runtime doctor`` tries real calls, and says what does not work and what is good to know."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from agent_runtime.cli import main
from agent_runtime.cli.doctor import Level, examine
from agent_runtime.cli.doctor.situations import SITUATIONS
from tests.helpers.children import run_child
from tests.helpers.command_line import command

TROUBLES = """
import json
from agent_runtime.cli.doctor.facts import troubles
print(json.dumps(list(troubles())))
"""


def troubles_after(code: str, *, options: tuple[str, ...] = ()) -> dict[str, tuple[str, bool]]:
    """Return what is known to give trouble in a process that has done something before."""
    child = run_child(f"{code}\n{TROUBLES}", options=options)
    assert child.returncode == 0, child.stderr
    return {name: (text, bad) for name, text, bad in json.loads(child.lines[-1])}


def test_every_situation_works_here(tmp_path: Path) -> None:
    done = command("doctor", "--json", folder=tmp_path)

    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert report["well"] is True
    assert {finding["name"] for finding in report["findings"] if finding["level"] == "ok"} == {
        *SITUATIONS,
        "this process",
    }
    assert report["extras"]["PyYAML"] != "not installed"
    assert report["facts"]["event loop here"] == "none runs"


def test_call_that_does_not_end_is_killed_and_is_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--limit", "0.001"])

    said = capsys.readouterr().out
    assert code == 1
    assert "TROUBLE script: the call did not end in time, and its process was killed\n" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of this kind")
def test_process_without_descriptors_is_told_so_with_an_exit_code(tmp_path: Path) -> None:
    child = run_child(
        """
        import resource, sys
        from agent_runtime.cli import main
        import agent_runtime.cli.doctor, agent_runtime.bridge.portal, asyncio.unix_events, selectors
        resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))
        sys.exit(main(["doctor"]))
        """
    )

    assert child.returncode == 1, child.stderr
    assert "TROUBLE descriptors: only 6 are allowed, and a loop thread needs three" in child.stdout
    assert "not tried: no child process can be started: [Errno 24]" in child.stdout


def test_report_in_a_running_loop_says_which_and_its_own_call_works() -> None:
    child = run_child(
        """
        import asyncio
        from agent_runtime.cli.doctor import examination, facts
        async def host():
            print(facts.facts()["event loop here"])
            print(examination._here(20))
        asyncio.run(host())
        """
    ).check()

    assert child.lines[0].endswith("EventLoop")
    assert "Level.OK" in child.lines[1]


def test_patched_asyncio_is_noted() -> None:
    pytest.importorskip("nest_asyncio2")

    found = troubles_after("import nest_asyncio2; nest_asyncio2.apply()")

    text, bad = found["patched asyncio"]
    assert "nest_asyncio" in text
    assert not bad


def test_gevent_is_noted_with_what_it_has_patched() -> None:
    pytest.importorskip("gevent")

    found = troubles_after("from gevent import monkey; monkey.patch_all()")

    text, bad = found["gevent"]
    assert "threading, socket" in text
    assert not bad


@pytest.mark.parametrize(
    ("code", "options", "name"),
    [
        pytest.param("import sys; sys.settrace(lambda *_: None)", (), "debugger", id="debugger"),
        pytest.param("", ("-X", "dev"), "debug mode", id="debug_mode"),
        pytest.param(
            "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", (), "ctrl-c", id="ignored_sigint"
        ),
    ],
)
def test_what_is_good_to_know_is_noted(code: str, options: tuple[str, ...], name: str) -> None:
    assert name not in troubles_after("")
    assert name in troubles_after(code, options=options)


def test_failing_call_is_trouble_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("raise ImportError('this yaml is broken')\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    report = examine()

    assert not report.is_well
    failed = {finding.name: finding.text for finding in report.findings if finding.level is Level.TROUBLE}
    assert set(failed) == set(SITUATIONS)
    assert all("ImportError: this yaml is broken" in text for text in failed.values())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_forked_children_are_among_the_situations() -> None:
    assert {"forked_child", "ctrl_c", "script", "running_loop", "thread", "workflow"} == set(SITUATIONS)
