"""A request of a real uWSGI server: an embedded interpreter, whose host in C handles the signals."""

from __future__ import annotations

from matrix.contexts._observe import POSIX
from matrix.contexts._uwsgi import WITHOUT, serve
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "uwsgi_worker",
    summary="in a WSGI request, served by a uWSGI worker",
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
        "allows_reentry",
        "blocks_signals_on_its_threads",
        "leaves_c_signal_handlers",
        "leaves_no_footprint",
        "raises_the_steps_own_exception",
        "returns_the_async_value",
        "times_out",
    ),
)


def host(job: Job) -> None:
    serve(job)
