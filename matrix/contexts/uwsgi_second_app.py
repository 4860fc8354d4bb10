"""A request of a uWSGI server's second application: a second interpreter, beside one that runs a loop."""

from __future__ import annotations

from matrix.contexts._observe import POSIX
from matrix.contexts._uwsgi import WITHOUT, serve
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "uwsgi_second_app",
    summary="in the second application of a uWSGI worker, which has an interpreter of its own",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={
            "server": "uwsgi",
            "python says": "default_int_handler",
            "application": "on the stack",
            "interpreter": "its own",
        },
    ),
    requires=("pyuwsgi",),
    platforms=POSIX,
    enter_limit=60.0,
    without=WITHOUT,
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "leaves_c_signal_handlers",
        "returns_the_async_value",
    ),
)


def host(job: Job) -> None:
    serve(job, second=True)
