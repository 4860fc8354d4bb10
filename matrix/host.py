"""One live host: its process, its connections, its output, and the steps from a fault to its end.

RUNNING until a limit passes, it lies, dies or is done; after a hang WATCHED from outside, then ASKED for its
stacks; KILLED until the kernel says that the process is gone. One that has ended by itself is LEFT while
processes go on that it has started. Then GONE, with a record of every cell it was to blame for.
"""

from __future__ import annotations

import contextlib
import enum
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from matrix import process as processes
from matrix.assignment import VARIABLE, Assignment
from matrix.child import STACKS_SIGNAL
from matrix.ending import Family, end_all, relatives
from matrix.model import Outcome
from matrix.onlooker import ASLEEP, LOOKS, Onlooker, Scene, Sight
from matrix.story import Fault, Remains, Story
from matrix.strays import strays_of
from matrix.streams import Connection, Output, Watch
from matrix.wire import WireError, decode, new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix.batch import Batch
    from matrix.door import Door
    from matrix.model import Cell
    from matrix.record import Record

__all__ = ("Host", "Stage")

# Seconds: for a host to begin its answer with stacks; from one piece of it to the next; from the end of
# its record stream to the end of its process; from SIGKILL to the end. All take milliseconds on an idle
# machine, so these are for a very busy one.
ANSWER, NEXT_PIECE, DYING, DEATH = 2.0, 0.2, 5.0, 10.0
# Seconds for processes that end by themselves soon after a host, as multiprocessing's resource tracker does.
LEAVING, GLANCE = 5.0, 0.1
# Seconds for an instrumented host to tell of its threads and tasks; it takes some 50 ms on an idle machine.
# That much is lost only where no Python code can run.
TESTIMONY = 10.0
MAX_STACKS = 200_000
# How often stacks are asked for. What several dumps agree on is where the hang is.
DUMPS, DUMPS_OF_SLEEPERS = 8, 3
# Where `matrix` and `agent_runtime` are imported from, also in a kernel that starts in another folder.
CODE = str(Path(__file__).parent.parent)


class Stage(enum.Enum):
    """How far a host is from its end."""

    RUNNING = "running"
    WATCHED = "watched from outside"
    ASKED = "asked for its stacks"
    KILLED = "killed"
    LEFT = "ended, but not all that it has started"
    GONE = "gone"


class Host:
    """One process group that performs one batch."""

    def __init__(
        self,
        batch: Batch,
        number: int,
        *,
        root: Path,
        door: Door,
        watch: Watch,
        on_begin: Callable[[Cell], None],
        instrumented: bool = False,
    ) -> None:
        self.token = new_token()
        self.records: list[Record] = []
        self.stage = Stage.RUNNING
        self._watch = watch
        self._job = door.folder / f"host-{number}.json"
        Assignment(door.address, self.token, str(root), batch.context.name, batch.cells, instrumented).write(
            self._job
        )
        self._process = processes.start(
            [sys.executable, "-m", "matrix.child"], assignment=self._job, folders=[CODE]
        )
        self.story = Story(batch, number, now=time.monotonic(), on_begin=on_begin)
        # Set when something other than the phase's own limit is awaited.
        self._deadline: float | None = None
        self.dumps: list[bytes] = []
        self.testimonies: dict[int, bytes] = {}
        self._instrumented = instrumented
        self._witnesses: list[Connection] = []
        self._hung = 0
        self._onlooker = Onlooker(Scene(0))
        self._overdue_since = 0.0
        self._looked = 0
        self._left_until = 0.0
        self._leaver: processes.Readable | None = None
        self._sight: Sight | None = None
        self._records_streams: list[Connection] = []
        self._stacks_streams: list[Connection] = []
        self._output = Output(self._process, watch)
        self._sentinel = processes.sentinel(self._process)

    @property
    def pid(self) -> int:
        """The number of the host's own process, which leads its group and session."""
        return self._process.pid

    @property
    def sentinel(self) -> processes.Readable:
        """Readable once the process has ended; then :meth:`end` is to be called."""
        return self._sentinel

    @property
    def deadline(self) -> float:
        """The time at which :meth:`expire` is to be called, by the monotonic clock."""
        return self.story.deadline if self._deadline is None else self._deadline

    def adopt(self, connection: Connection, channel: str) -> None:
        """Take over a connection that has shown this host's token."""
        if channel == "witness":
            self._witnesses.append(connection)
            self._watch.add(connection.stream, lambda: self._read_testimony(connection))
        elif channel == "stacks":
            self._stacks_streams.append(connection)
            self._watch.add(connection.stream, lambda: self._read_stacks(connection))
        else:
            self._records_streams.append(connection)
            self._watch.add(connection.stream, lambda: self._read_records(connection))
            # What came in one piece with the hello is waiting in no descriptor.
            self._take(connection, b"")

    def expire(self) -> None:
        """The deadline has passed: take the next step towards the end."""
        if self.stage is Stage.KILLED:
            # Not even SIGKILL ends it (an uninterruptible sleep): go on rather than wait for ever.
            self.finish(f"the process did not end within {DEATH:g} s of SIGKILL")
        elif self.stage is Stage.LEFT:
            self._one_has_left()
        elif self.stage is Stage.ASKED:
            self._ask_again()
        elif self.stage is Stage.WATCHED:
            self._look()
        elif self._deadline is not None:
            self.story.fault = Fault(Outcome.CRASH, "the host closed its record stream during the call")
            self.kill()
        else:
            self._hang()

    def kill(self) -> None:
        """Kill the host and all its descendants; the end itself is awaited with the sentinel."""
        self.stage = Stage.KILLED
        self._deadline = time.monotonic() + DEATH
        self._end_all()

    def end(self) -> None:
        """The process has ended: finish as soon as nothing that it has started goes on, or at the limit."""
        self._watch.remove(self._sentinel)
        self._read_all_records()
        if self.stage is Stage.RUNNING and self.story.current is None:
            self.stage = Stage.LEFT
            self._left_until = time.monotonic() + LEAVING
            self._wait_for_leavers()
        else:
            self.finish()

    def _wait_for_leavers(self) -> None:
        """Wait for the end of one process after the other; each may have begun another one meanwhile."""
        left, now = relatives(self._family()), time.monotonic()
        if not left or now >= self._left_until:
            self.finish()
            return
        self._leaver = next(filter(None, map(processes.end_of, sorted(left))), None)
        # Without a descriptor to wait for, look again soon.
        self._deadline = self._left_until if self._leaver is not None else now + GLANCE
        if self._leaver is not None:
            self._watch.add(self._leaver, self._one_has_left)

    def _one_has_left(self) -> None:
        self._forget_leaver()
        self._wait_for_leavers()

    def _forget_leaver(self) -> None:
        if self._leaver is not None:
            self._watch.remove(self._leaver)
            self._leaver.close()
            self._leaver = None

    def _read_all_records(self) -> None:
        for connection in [*self._records_streams]:
            while self._read_records(connection):
                pass

    def finish(self, ending: str = "") -> None:
        """The process has ended: read what it left, end its descendants, settle its cells."""
        strays = strays_of(relatives(self._family())) if self.stage is Stage.LEFT else []
        self._end_all()
        self.stage = Stage.GONE
        self._read_all_records()
        while self._output.read():
            pass
        if not ending:
            ending = processes.ending_as_sentence(self._process.wait())
        dumps = tuple(dump.decode(errors="replace") for dump in self.dumps)
        remains = Remains(ending, dumps, self._output.text(), self._sight, tuple(strays))
        self.records += self.story.settle(remains, now=time.monotonic())
        self._release()

    def close(self) -> None:
        """Kill what is left and release every descriptor; for interrupts and the end of a run."""
        if self.stage is not Stage.GONE:
            self.stage = Stage.GONE
            self._end_all()
            with contextlib.suppress(Exception):
                self._process.wait(DEATH)
            self._release()

    def _release(self) -> None:
        for streams in (self._records_streams, self._stacks_streams, self._witnesses):
            for connection in [*streams]:
                self._drop(streams, connection)
        self._output.close()
        self._forget_leaver()
        self._watch.remove(self._sentinel)
        self._sentinel.close()
        self._job.unlink(missing_ok=True)

    def _end_all(self) -> None:
        end_all(self._family())

    def _family(self) -> Family:
        reported = frozenset(connection.pid for connection in self._records_streams)
        return Family(frozenset({self.pid}), f"{VARIABLE}={self._job}\0", reported)

    def _hang(self) -> None:
        """Look at the processes before they are asked anything: what is asked behaves differently."""
        self.story.overdue()
        self.stage = Stage.WATCHED
        self._overdue_since = time.monotonic()
        scene = self.story.scene(self._process.pid)
        self._hung = scene.pid
        self._onlooker = Onlooker(scene)
        if self._instrumented:
            self._ask_witness()
        else:
            self._look()

    def _look(self) -> None:
        self._sight = self._onlooker.look(time.monotonic())
        self._looked += 1
        if self._sight is None:
            self._deadline = self._overdue_since + LOOKS[self._looked]
        else:
            self._ask_for_a_dump()

    def _ask_witness(self) -> None:
        """Ask an instrumented process that hangs what it waits for.

        Not for dumps: faulthandler reads the frames of threads that run meanwhile, and may fall over them.
        """
        self.stage = Stage.ASKED
        self._deadline = time.monotonic() + TESTIMONY
        asked = [connection for connection in self._witnesses if connection.pid == self._hung]
        for connection in asked:
            with contextlib.suppress(OSError):
                connection.stream.send(b"?")
                if hasattr(signal, "SIGCONT"):
                    os.kill(self._hung, signal.SIGCONT)  # a stopped process answers only when it goes on
        if not asked:
            self.kill()

    def _ask_for_a_dump(self) -> None:
        self.stage = Stage.ASKED
        self._deadline = time.monotonic() + ANSWER
        self.dumps.append(b"")
        asked = [self._ask(connection.pid) for connection in self._stacks_streams]
        if not any(asked):
            self.kill()

    def _ask_again(self) -> None:
        """Ask for one more dump, if the last one came: code that runs is at another place each time."""
        asleep = self._sight is not None and self._sight.kind in ASLEEP
        if self.dumps and self.dumps[-1] and len(self.dumps) < (DUMPS_OF_SLEEPERS if asleep else DUMPS):
            self._ask_for_a_dump()
        else:
            self.kill()

    def _ask(self, pid: int) -> bool:
        """Ask a process for its stacks; it stays connected, so its number is still its own."""
        if STACKS_SIGNAL is None:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, STACKS_SIGNAL)
            os.kill(pid, signal.SIGCONT)  # a stopped process answers only when it goes on
            return True
        return False

    def _read_records(self, connection: Connection) -> bool:
        """Take one piece of a record stream; return whether there was one."""
        data = connection.receive()
        if data is None:
            return False
        if not data:
            self._drop(self._records_streams, connection)
            self._stream_ended(connection.pid)
            return False
        self._take(connection, data)
        return True

    def _take(self, connection: Connection, data: bytes) -> None:
        try:
            for line in connection.lines.feed(data):
                self._hear(line, connection.pid)
        except WireError as error:
            self.story.fault = Fault(Outcome.ERROR, f"the host's record stream cannot be believed: {error}")
        if self.stage is Stage.RUNNING and (self.story.finished or self.story.fault is not None):
            self.kill()

    def _hear(self, line: bytes, pid: int) -> None:
        if self.story.fault is not None:
            return
        message = decode(line)
        if message.token != self.token:
            raise WireError(f"{message.kind!r} came with a wrong token")
        if message.pid != pid:
            raise WireError(
                f"{message.kind!r} came from process {message.pid} on the stream of process {pid}"
            )
        self.records += self.story.hear(message, now=time.monotonic(), output=self._output.text())

    def _stream_ended(self, pid: int) -> None:
        """The stream of the process that performs the present cell tells of its end before all else."""
        if self.story.current is None or self.story.current_pid != pid or self.stage is not Stage.RUNNING:
            return
        if pid == self._process.pid:
            # The exit code follows at once, and is worth waiting for.
            self._deadline = time.monotonic() + DYING
            return
        self.story.fault = Fault(
            Outcome.CRASH, f"process {pid}, which performed the cell, ended during the call"
        )
        self.kill()

    def _read_stacks(self, connection: Connection) -> None:
        data = connection.receive()
        if data is None:
            return
        if not data:
            self._drop(self._stacks_streams, connection)
            return
        if self.dumps:
            self.dumps[-1] = (self.dumps[-1] + data)[:MAX_STACKS]
        if self.stage is Stage.ASKED:
            self._deadline = time.monotonic() + NEXT_PIECE

    def _read_testimony(self, connection: Connection) -> None:
        data = connection.receive()
        if data is None:
            return
        try:
            line = connection.lines.first(data)
        except WireError:
            data = b""
            line = None
        if not data:
            self._drop(self._witnesses, connection)
        elif line is not None:
            self.testimonies[connection.pid] = line
            if self.stage is Stage.ASKED:
                self.kill()

    @property
    def testimony(self) -> bytes | None:
        """What the process that hung has told of its threads and tasks."""
        return self.testimonies.get(self._hung)

    def _drop(self, streams: list[Connection], connection: Connection) -> None:
        streams.remove(connection)
        self._watch.remove(connection.stream)
        connection.stream.close()
