"""One process that has imported everything, and forks one for each run that is to die."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent_runtime import Options, Runtime, SQLiteStorage, WorkflowError
from agent_runtime.storage import Entry, RunState, StoredRun
from tests.helpers.dying.workflows import WORKFLOWS


class Life:
    """Moments that are counted; at one of them the process is killed.

    Args:
        folder: where the book is.
        last: the number of the moment; 0 for none.
    """

    def __init__(self, folder: Path, last: int) -> None:
        self.book = folder / "book"
        self._left = last

    def moment(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def note(self, line: str) -> None:
        """Add a line to the book, in one write of the system."""
        file = os.open(self.book, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(file, f"{line}\n".encode())
        os.close(file)


class DyingStorage(SQLiteStorage):
    """The real storage, with a moment before and after each write."""

    def __init__(self, folder: Path, life: Life) -> None:
        super().__init__(folder / "runs.db", synchronous="normal")
        self._life = life

    def create(self, run: StoredRun, owner: str, seconds: float) -> bool:
        self._life.moment()
        created = super().create(run, owner, seconds)
        self._life.moment()
        return created

    def claim(self, run_id: str, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        self._life.moment()
        claimed = super().claim(run_id, owner, seconds, instead_of=instead_of)
        self._life.moment()
        return claimed

    def save(self, run_id: str, owner: str, entry: Entry) -> bool:
        self._life.moment()
        saved = super().save(run_id, owner, entry)
        word = {"ended": "kept", "attempt": "anew"}.get(entry.kind, entry.kind)
        self._life.note(f"{word} {entry.step}")
        self._life.moment()
        return saved

    def end(self, run_id: str, owner: str, state: RunState, outcome: str | None) -> bool:
        self._life.moment()
        ended = super().end(run_id, owner, state, outcome)
        self._life.moment()
        return ended


def tools_of(life: Life) -> dict[str, Callable[..., object]]:
    """Return what the workflows call."""

    def count_here(name: str, value: int) -> int:
        life.note(f"begin {name}")
        life.moment()
        life.note(f"end {name}")
        return value + 1

    async def count(name: str, value: int) -> int:
        life.note(f"begin {name}")
        life.moment()
        await asyncio.sleep(0)
        life.note(f"end {name}")
        return value + 1

    async def fail(name: str) -> None:
        life.note(f"begin {name}")
        life.moment()
        raise ValueError(name)

    async def second_time(name: str, value: int) -> int:
        if f"end {name}" not in life.book.read_text().splitlines():
            life.note(f"end {name}")
            await fail(name)
        return await count(name, value)

    async def fail_if_not_undone(name: str) -> None:
        """Fail the first time only: done once more when things have been undone, it would succeed."""
        if "undoing " not in life.book.read_text().splitlines():
            await fail(name)

    return {each.__name__: each for each in (count_here, count, fail, second_time, fail_if_not_undone)}


class Listener:
    """An LLM client that tells what it has heard: the whole conversation."""

    def __init__(self, life: Life) -> None:
        self._life = life

    async def call_llm(
        self, *, messages: Sequence[Mapping[str, object]], task_id: str, **_question: object
    ) -> dict[str, object]:
        name = task_id.removeprefix("step_")
        self._life.note(f"begin {name}")
        self._life.moment()
        heard = [f"{message['role']}: {message['content']}" for message in messages]
        self._life.note(f"end {name}")
        return {"content": f"yes, {len(messages)}", "heard": heard}


def live(workflow: str, folder: Path, last: int) -> None:
    """Begin the run, or go on with it; write down what it comes to."""
    life = Life(folder, last)
    tools = tools_of(life)
    options = Options(workflows={"inner": WORKFLOWS["inner"]})
    with DyingStorage(folder, life) as storage:
        runtime = Runtime(
            WORKFLOWS[workflow],
            tools=tools,
            functions=tools,
            llm=Listener(life),
            options=options,
            storage=storage,
        )
        try:
            came_to: object = runtime.run({"n": 1}, idempotency_key="k").outputs
        except WorkflowError:
            raise
        except Exception as error:
            came_to = str(error)
    (folder / "came_to").write_text(json.dumps(came_to))


def is_killed(workflow: str, folder: Path, last: int) -> bool:
    """Live in a process of its own; whether that was killed."""
    process = os.fork()
    if not process:
        live(workflow, folder, last)
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert status == 0, f"moment {last}: status {status}"
    return False


def tell(folder: Path, *moments: int) -> None:
    """Print what became of one run."""
    record = {
        "moments": moments,
        "came_to": json.loads((folder / "came_to").read_text()),
        "book": (folder / "book").read_text().splitlines(),
    }
    print(json.dumps(record))


def main(workflow: str, folder: Path, *, every: int, second: bool) -> None:
    """Kill at each moment, or at some of them; ``second`` kills the resumed run as well."""
    logging.getLogger("agent_runtime").setLevel(logging.CRITICAL)  # failures are meant here
    first = 1
    while is_killed(workflow, make(folder / str(first)), first):
        if not second:
            assert not is_killed(workflow, folder / str(first), 0)
            tell(folder / str(first), first)
        then = 1
        while second:
            again = make(folder / f"{first}-{then}")
            assert is_killed(workflow, again, first)
            if not is_killed(workflow, again, then):
                break
            assert not is_killed(workflow, again, 0)
            tell(again, first, then)
            then += 1
        first += every


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), every=int(sys.argv[3]), second=sys.argv[4] == "1")
