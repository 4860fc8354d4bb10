"""The README does what it says: its blocks run where they say, its commands are the ones CI runs."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import uvicorn

from tests.helpers.children import run_child

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE: dict[str, str] = dict(
    re.findall(r"^## ([^\n]+)$(?:(?!^## ).)*?^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
)
TEST_COMMAND = "python -m pip install nox && python -m nox -s tests"


def promised(code: str) -> list[str]:
    """Return what the comments behind ``print`` say it prints."""
    return re.findall(r"^print\(.*\)  # (.+)$", code, flags=re.MULTILINE)


@pytest.mark.parametrize("title", ["In a script", "In Jupyter", "As a stream", "For another SDK"])
def test_readme_block_runs_as_a_script(title: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE[title]], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == promised(CODE[title]) != []


def test_readme_blocks_run_as_cells_of_a_notebook() -> None:
    titles = ["In a script", "In Jupyter", "As a stream", "For another SDK"]

    child = run_child(
        "import json, sys\n"
        "from matrix.contexts._kernel import execute\n"
        "print(json.dumps(execute(sys.argv[1:])))",
        limit=120,
        arguments=tuple(CODE[title] for title in titles),
    )
    printed = json.loads(child.check().stdout)

    assert [text.splitlines() for text in printed] == [promised(CODE[title]) for title in titles]


def test_readme_application_serves_its_three_routes() -> None:
    namespace: dict[str, object] = {}
    exec(compile(CODE["In FastAPI"], "README.md", "exec"), namespace)
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
    commands = re.findall(r"^    (python -m pip install nox .*)$", README, flags=re.MULTILINE)

    assert commands == ["python -m pip install nox && python -m nox -s contexts", TEST_COMMAND]
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
