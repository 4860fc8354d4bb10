"""A real Celery worker in a process below, whose broker is a folder: one task a cell."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from matrix.contexts._join import joining_by_name
from matrix.model import Job

__all__ = ("work",)

_END_LIMIT = 20.0
"""Seconds from SIGTERM to the end of the worker, which takes about one; a deaf one never ends."""

_TASKS = """
import os

from billiard.process import current_process
from celery import Celery

app = Celery("cells")
app.conf.update({settings!r})

@app.task(bind=True, name="perform")
def perform(task, cell_id):
    process = current_process()
    evidence = {{
        "process": process.name.partition("-")[0],
        "made by": type(process).__module__,
        "task": "requested" if task.request.id == cell_id and not task.request.is_eager else "something else",
    }}
    job, cell = part_of(cell_id)
    job.perform(cell, evidence=evidence)
    os.write({told}, b".")
"""


def work(job: Job) -> None:
    """Have the one child of a worker's pool perform the cells; end the worker with SIGTERM.

    Args:
        job: what to perform.

    Raises:
        OSError: the worker ended before it had performed the cells, or did not end.
    """
    from celery import Celery

    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(folder)
        client = Celery("client")
        client.conf.update(settings)
        for cell in job.cells:
            client.send_task("perform", (cell.id,), task_id=cell.id)
        heard, told = os.pipe()
        try:
            text = _TASKS.format(settings=settings, told=told)
            Path(folder, "tasks.py").write_text(joining_by_name() + text)
            worker = _start(folder, told)
        finally:
            os.close(told)
        try:
            with open(heard, "rb") as reports:
                if len(reports.read(len(job.cells))) < len(job.cells):
                    raise OSError("the worker has ended before it had performed the cells")
            _end(worker)
        finally:
            worker.kill()
            worker.wait()


def _settings(folder: str) -> dict[str, Any]:
    messages, control = Path(folder, "messages"), Path(folder, "control")
    messages.mkdir()
    control.mkdir()
    return {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(control),
            "polling_interval": 0.05,
        },
        "task_ignore_result": True,
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def _start(folder: str, told: int) -> subprocess.Popen[bytes]:
    options = (
        "--pool=prefork",
        "--concurrency=1",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    )
    return subprocess.Popen(
        [sys.executable, "-m", "celery", "--app=tasks", f"--workdir={folder}", "worker", *options],
        pass_fds=(told,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(_END_LIMIT)
    except subprocess.TimeoutExpired:
        raise OSError(f"the worker goes on {_END_LIMIT:g} s after SIGTERM") from None
