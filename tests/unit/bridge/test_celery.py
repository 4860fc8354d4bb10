"""S8: a Celery worker whose task is terminated inside a call goes on with the next one."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.children import run_child

pytest.importorskip("celery")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Celery has no prefork pool there")

ROUNDS = 4

TASKS = """
import asyncio, os
from celery import Celery
from agent_runtime.bridge import run_sync

app = Celery("tasks")
app.conf.update({settings!r})

def tell(word):
    os.write({told}, f"{{word}} {{os.getpid()}}\\n".encode())

async def go_on_for_ever():
    tell("inside")
    await asyncio.Event().wait()

@app.task(name="stuck")
def stuck():
    run_sync(go_on_for_ever)

@app.task(name="later")
def later():
    tell(run_sync(asyncio.sleep, 0, "later"))
"""

PROGRAM = """
import os, select, shutil, signal, subprocess, sys, tempfile, traceback
from pathlib import Path
from celery import Celery

TASKS, ROUNDS = {tasks!r}, {rounds}
LIMIT = 30.0  # a task comes within a second or two

folder = Path(tempfile.mkdtemp())
for name in ("messages", "control"):
    (folder / name).mkdir()
settings = {{
    "broker_url": "filesystem://",
    "broker_transport_options": {{
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.05,
    }},
    "task_ignore_result": True,
}}
client = Celery("client")
client.conf.update(settings)
heard, told = os.pipe()
(folder / "tasks.py").write_text(TASKS.format(settings=settings, told=told))
options = ["--pool=prefork", "--concurrency=1", "--without-gossip", "--without-mingle", "--without-heartbeat"]
worker = subprocess.Popen(
    [sys.executable, "-m", "celery", "--app=tasks", f"--workdir={{folder}}", "worker", *options],
    pass_fds=(told,),
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
os.close(told)
reports, children = open(heard, "rb", buffering=0), []

def hear():
    if not select.select([reports], [], [], LIMIT)[0]:
        raise TimeoutError("no task comes")
    word, child = reports.readline().split()
    children.append(int(child))
    return word.decode()

try:
    for number in range(ROUNDS):
        task = client.send_task("stuck")
        print(hear(), flush=True)
        client.control.revoke(task.id, terminate=True)
        client.send_task("later")
        print(hear(), flush=True)
    print("children", len(set(children)))
    worker.terminate()
    print("ended with", worker.wait(LIMIT))
finally:
    worker.kill()
    worker.wait()
    shutil.rmtree(folder)
    if sys.exc_info()[0]:
        traceback.print_exc()
        os.killpg(0, signal.SIGKILL)  # a child of the pool goes on without its worker
"""


@pytest.mark.slow
def test_a_later_task_runs_after_one_that_was_terminated_inside_a_call() -> None:
    child = run_child(PROGRAM.format(tasks=TASKS, rounds=ROUNDS), limit=120).check()

    assert child.lines == ["inside", "later"] * ROUNDS + [f"children {ROUNDS + 1}", "ended with 0"]
