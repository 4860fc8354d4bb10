"""``bridge.submit().result()``: work that an SDK begins now, and whose outcome it takes later."""

from __future__ import annotations

from collections.abc import Mapping

from agent_runtime.bridge import submit
from matrix.entry_points.run_workflow import call_async
from matrix.model import EntryPoint, Source

__all__ = ("ENTRY_POINT", "call", "call_async")

_NO_CALLER = "no thread waits in submit(), so def steps run on a worker thread"
_ANY_FUTURE = "result() waits as that of any future: Ctrl-C ends the wait, and the work goes on"
_NO_LOOKOUT = "nobody looks around while result() waits, as with any future"

ENTRY_POINT = EntryPoint(
    "bridge_submit",
    label="bridge.submit().result()",
    without={
        "abandons_on_second_ctrl_c": _ANY_FUTURE,
        "allows_reentry": "result() is refused on the loop thread, which has to do the work",
        "cancels_on_ctrl_c": _ANY_FUTURE,
        "raises_stop_iteration": "no coroutine can raise StopIteration: Python makes a RuntimeError of it",
        "refuses_a_circular_wait": _NO_LOOKOUT,
        "runs_def_steps_on_calling_thread": _NO_CALLER,
        "serves_the_callers_own_executor": _NO_CALLER,
        "starts_nothing_for_a_call": _NO_CALLER,
        "survives_base_exceptions": "a cancelled future raises the CancelledError of concurrent.futures",
        "suspends_a_prepared_task": "result() blocks its thread, as that of any future",
        "warns_when_it_blocks_a_loop": _NO_LOOKOUT,
        "works_without_threads": _NO_CALLER,
    },
    gate_contexts=("asyncio_run", "plain_script", "signal_handler_during_call", "thread_refused"),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run; blocks the calling thread."""
    return submit(call_async, source, inputs).result()
