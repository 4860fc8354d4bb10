"""What has succeeded is undone when the run fails after it: the latest first, each with what it gave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from agent_runtime import Runtime, RuntimeClosedError, StepEvent, run_workflow, run_workflow_async


class OwnError(Exception):
    pass


class Bank:
    """Notes what is charged and refunded, in order."""

    def __init__(self) -> None:
        self.book: list[str] = []

    async def charge(self, name: object) -> str:
        self.book.append(f"charge {name}")
        return f"receipt {name}"

    async def refund(self, receipt: object, why: object = "") -> None:
        await asyncio.sleep(0.001)
        self.book.append(f"refund {receipt}" + (f" because {why}" if why else ""))

    async def fail(self) -> None:
        raise OwnError("broken")

    async def wait(self) -> None:
        await asyncio.sleep(60)

    def tools(self) -> dict[str, Callable[..., object]]:
        return {name: getattr(self, name) for name in ("charge", "refund", "fail", "wait")}


CHARGE = 'tool: charge, with: {name: %s}, compensate: {tool: refund, with: {receipt: "${output}"}}'
A, B = (f"  - {{id: {name}, {CHARGE % name}{more}}}\n" for name, more in (("a", ""), ("b", ", needs: a")))
EACH = """    tool: charge
    with: {name: "${item}"}
    compensate: {tool: refund, with: {receipt: "${output}"}}
"""
FAIL = "  - {id: c, tool: fail, needs: b}\n"


def book_of(text: str, error: type[BaseException] = OwnError, **arguments: float) -> list[str]:
    """Run a workflow that must fail; return what the bank has done."""
    bank = Bank()
    with pytest.raises(error):
        run_workflow(text, tools=bank.tools(), **arguments)  # type: ignore[arg-type]  # shorter so
    return bank.book


def test_steps_that_have_succeeded_are_undone_the_latest_first() -> None:
    book = book_of("steps:\n" + A + B + FAIL)

    assert book == ["charge a", "charge b", "refund receipt b", "refund receipt a"]


def test_exception_of_the_failing_step_comes_out_as_it_is() -> None:
    error = OwnError("own")
    bank = Bank()

    def fail() -> None:
        raise error

    with pytest.raises(OwnError) as caught:
        run_workflow("steps:\n" + A + B + FAIL, tools={**bank.tools(), "fail": fail})

    assert caught.value is error
    assert error.__context__ is None
    assert len(bank.book) == 4


def test_nothing_is_undone_in_a_run_that_succeeds() -> None:
    bank = Bank()

    run_workflow("steps:\n" + A + B, tools=bank.tools())

    assert bank.book == ["charge a", "charge b"]


def test_failing_step_itself_is_not_undone() -> None:
    text = (
        "steps:\n" + A + "  - {id: c, tool: fail, needs: a, compensate: {tool: refund, with: {receipt: c}}}\n"
    )

    assert book_of(text) == ["charge a", "refund receipt a"]


def test_what_undoes_a_step_can_refer_to_the_failure_and_to_other_steps() -> None:
    text = """
inputs: {customer: {type: string, default: ann}}
steps:
  - {id: a, tool: charge, with: {name: a}}
  - id: b
    tool: charge
    with: {name: b}
    compensate:
      tool: refund
      with: {receipt: "${steps.a.output} ${inputs.customer}", why: "${error.type}: ${error.message}"}
  - {id: c, tool: fail, needs: b}
"""

    assert book_of(text)[-1] == "refund receipt a ann because OwnError: broken"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_steps_are_undone_when_the_time_of_the_run_is_up(way: str) -> None:
    bank = Bank()
    text = "steps:\n" + A + B + "  - {id: c, tool: wait, needs: b}\n"

    with pytest.raises(TimeoutError):
        if way == "sync":
            run_workflow(text, tools=bank.tools(), timeout=0.1)
        else:
            asyncio.run(run_workflow_async(text, tools=bank.tools(), timeout=0.1))

    assert bank.book[2:] == ["refund receipt b", "refund receipt a"]


def test_steps_are_undone_when_the_run_is_cancelled_however_often() -> None:
    """anyio cancels again and again while a scope is cancelled; what undoes a step is not to be cut off."""
    bank = Bank()
    text = "steps:\n" + A + B + "  - {id: c, tool: wait, needs: b}\n"

    async def main() -> None:
        task = asyncio.create_task(run_workflow_async(text, tools=bank.tools()))
        while len(bank.book) < 2:
            await asyncio.sleep(0.001)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert bank.book[2:] == ["refund receipt b", "refund receipt a"]


def test_steps_are_undone_when_the_runtime_is_closed() -> None:
    bank = Bank()
    text = "steps:\n" + A + "  - {id: c, tool: wait, needs: a}\n"

    async def main() -> None:
        runtime = Runtime(text, tools=bank.tools())
        task = asyncio.create_task(runtime.run_async())
        while not bank.book:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        await runtime.aclose()
        with pytest.raises(RuntimeClosedError):
            await task

    asyncio.run(main())

    assert bank.book == ["charge a", "refund receipt a"]


def test_steps_are_undone_when_the_outputs_cannot_be_made() -> None:
    text = "steps:\n" + A + 'outputs: {x: "${steps.a.output.none}"}\n'

    assert book_of(text, LookupError) == ["charge a", "refund receipt a"]


def test_steps_are_undone_when_the_reader_of_a_stream_leaves() -> None:
    bank = Bank()
    text = "steps:\n" + A + "  - {id: c, tool: wait, needs: a}\n"

    stream = Runtime(text, tools=bank.tools()).stream()
    for event in stream:
        if getattr(event, "step", "") == "c":
            break
    stream.close()

    assert bank.book == ["charge a", "refund receipt a"]


def test_what_undoes_a_step_has_attempts_of_its_own() -> None:
    bank = Bank()
    tries: list[int] = []

    async def refund(receipt: str) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OwnError
        await Bank.refund(bank, receipt)

    text = (
        "steps:\n"
        + A.replace('"${output}"}', '"${output}"}, retry: {attempts: 3}')
        + FAIL.replace("b}", "a}")
    )
    with pytest.raises(OwnError, match="broken"):
        run_workflow(text, tools={**bank.tools(), "refund": refund})

    assert bank.book[-1] == "refund receipt a"


def test_failure_to_undo_is_logged_and_the_others_are_undone_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bank = Bank()

    async def refund(receipt: str) -> None:
        if receipt.endswith("b"):
            raise OwnError("no refund")
        await Bank.refund(bank, receipt)

    with caplog.at_level(logging.ERROR, logger="agent_runtime"), pytest.raises(OwnError, match="broken"):
        run_workflow("steps:\n" + A + B + FAIL, tools={**bank.tools(), "refund": refund})

    assert bank.book[-1] == "refund receipt a"
    (record,) = caplog.records
    assert "step 'b:compensate' failed; what it was to undo may not be undone" in record.message
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "no refund"


def test_items_are_undone_one_by_one_with_the_item_and_output_of_each() -> None:
    text = f"""
steps:
  - id: all
    for_each: {{in: [x, y, z], concurrency: 1}}
{EACH}  - {{id: c, tool: fail, needs: all}}
"""

    assert book_of(text)[3:] == ["refund receipt z", "refund receipt y", "refund receipt x"]


def test_failing_item_has_the_items_before_it_undone_even_where_the_run_goes_on() -> None:
    bank = Bank()

    async def charge(name: str) -> str:
        if name == "z":
            raise OwnError
        return await Bank.charge(bank, name)

    text = f"""
steps:
  - id: all
    on_error: continue
    for_each: {{in: [x, y, z], concurrency: 1}}
{EACH}"""
    run_workflow(text, tools={**bank.tools(), "charge": charge})

    assert bank.book == ["charge x", "charge y", "refund receipt y", "refund receipt x"]


def test_block_that_fails_is_undone_before_it_is_tried_again() -> None:
    bank = Bank()
    text = "steps:\n  - id: block\n    retry: {attempts: 2}\n    steps:\n"
    text += "".join("    " + line for line in (A, "  - {id: c, tool: fail, needs: a}\n"))

    with pytest.raises(OwnError):
        run_workflow(text, tools=bank.tools())

    assert bank.book == ["charge a", "refund receipt a"] * 2


def test_steps_inside_a_block_that_succeeded_are_undone_when_a_later_step_fails() -> None:
    block = "  - id: block\n    steps:\n" + "".join("    " + line for line in (A, B))

    assert book_of("steps:\n" + block + "  - {id: c, tool: fail, needs: block}\n")[2:] == [
        "refund receipt b",
        "refund receipt a",
    ]


def test_times_of_a_repeated_step_are_undone() -> None:
    text = "steps:\n" + A.replace("  - {id: a,", "  - {id: a, repeat: {max: 2},").replace(
        "name: a", 'name: "${index}"'
    )

    assert book_of(text + "  - {id: c, tool: fail, needs: a}\n")[2:] == [
        "refund receipt 1",
        "refund receipt 0",
    ]


def test_time_that_fails_has_the_times_before_it_undone() -> None:
    bank = Bank()

    async def charge(name: int) -> str:
        if name == 1:
            raise OwnError
        return await Bank.charge(bank, name)

    text = "steps:\n" + A.replace("  - {id: a,", "  - {id: a, on_error: continue, repeat: {max: 2},").replace(
        "name: a", 'name: "${index}"'
    )
    run_workflow(text, tools={**bank.tools(), "charge": charge})

    assert bank.book == ["charge 0", "refund receipt 0"]


def test_steps_of_another_workflow_are_undone_as_well() -> None:
    from agent_runtime import Options

    bank = Bank()
    text = "steps:\n  - {id: s, workflow: sub}\n  - {id: c, tool: fail, needs: s}\n"

    with pytest.raises(OwnError):
        run_workflow(text, tools=bank.tools(), options=Options(workflows={"sub": "steps:\n" + A}))

    assert bank.book == ["charge a", "refund receipt a"]


def test_plain_functions_undo_on_the_calling_thread() -> None:
    import threading

    threads: list[int] = []

    def fail() -> None:
        raise OwnError

    text = "steps:\n  - {id: a, tool: t, compensate: {tool: note}}\n  - {id: b, tool: fail, needs: a}\n"
    with pytest.raises(OwnError):
        run_workflow(
            text,
            tools={"t": lambda: 1, "fail": fail, "note": lambda: threads.append(threading.get_ident())},
        )

    assert threads == [threading.get_ident()]


def test_stream_tells_what_is_undone() -> None:
    events: list[str] = []

    with pytest.raises(OwnError):
        for event in Runtime("steps:\n" + A + B + FAIL, tools=Bank().tools()).stream():
            events += [f"{type(event).__name__} {event.step}"] if isinstance(event, StepEvent) else []

    assert events[-5:] == [
        "StepFailed c",
        "StepStarted b:compensate",
        "StepFinished b:compensate",
        "StepStarted a:compensate",
        "StepFinished a:compensate",
    ]
