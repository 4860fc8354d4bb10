"""The README does what it says: its application serves, its commands are the ones CI runs."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import uvicorn

from tests.helpers.snippets import snippets_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
(APPLICATION,) = [each.code for each in snippets_of(ROOT / "README.md") if "tested" in each.words]
TEST_COMMAND = "python -m pip install -r constraints/nox.txt && python -m nox -s tests"


def test_readme_application_serves_its_three_routes() -> None:
    namespace: dict[str, object] = {}
    exec(compile(APPLICATION, "README.md", "exec"), namespace)
    server = uvicorn.Server(uvicorn.Config(namespace["app"], log_level="error"))  # type: ignore[arg-type]  # an ASGI application
    answers = {}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        for route in ("sync", "blocking", "async"):
            connection = http.client.HTTPConnection(*listener.getsockname())
            connection.request("GET", f"/{route}/Ada")
            answers[route] = connection.getresponse().read()
            connection.close()
        server.should_exit = True
        thread.join(30)

    assert answers == dict.fromkeys(("sync", "blocking", "async"), b'{"text":"Hello, Ada!"}')


def test_readme_gives_the_two_commands_and_ci_runs_the_second_word_for_word() -> None:
    commands = re.findall(
        r"^    (python -m pip install -r constraints/nox[.]txt .*)$", README, flags=re.MULTILINE
    )

    assert commands == [
        "python -m pip install -r constraints/nox.txt && python -m nox -s contexts",
        TEST_COMMAND,
    ]
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_readme_links_lead_to_files_of_the_project() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_table_of_contexts_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "matrix", "table", "--check", "README.md"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
