"""An async function of ``anyio.run()`` on trio: a context variable says so, and travels with copies."""

from __future__ import annotations

from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "anyio_run_trio",
    summary="inside an async function that anyio.run() runs on trio",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"async library": "trio", "sniffio's context variable": "trio"},
    ),
    requires=("anyio", "sniffio", "trio"),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
    gate_probes=(
        "cancels_on_ctrl_c",
        "hides_the_hosts_loop_from_def_steps",
        "keeps_*context_variables*",
        "leaves_no_footprint",
        "returns_the_async_value",
        "reuses_http_client",
        "shows_def_steps_no_loop",
        "uses_anyio_in_steps",
    ),
)


def host(job: Job) -> None:
    import anyio
    import sniffio
    import trio

    async def main() -> None:
        for cell in job.cells:
            await trio.lowlevel.checkpoint()
            evidence = {
                "async library": "trio" if trio.lowlevel.in_trio_task() else "none",
                "sniffio's context variable": str(sniffio.current_async_library_cvar.get()),
            }
            job.perform(cell, evidence=evidence)

    anyio.run(main, backend="trio")
