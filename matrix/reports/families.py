"""What goes wrong: a row for each family, with the words that tell it and the probes that notice it.

A probe that a row names need not exist yet: reports that need it wait for it, by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ("FAMILIES", "Claim", "Family")


@dataclass(frozen=True)
class Claim:
    """A probe that notices failures of a family.

    Attributes:
        probe: its name in ``matrix/probes``.
        words: a pattern, without regard to case: it is meant if a report has these words. Empty: it is
            meant when no other claim of the family is.
        always: whether it is meant whatever the words are.
    """

    probe: str
    words: str = ""
    always: bool = False


@dataclass(frozen=True)
class Family:
    """One kind of failure.

    Attributes:
        name: the word for it in reports and regression files.
        sentence: what goes wrong, without full stop.
        error: a pattern, without regard to case, of what is raised or seen.
        words: a pattern of what else tells it, in the text and the code of a report.
        claims: the probes that notice it.
        contexts: where it shows, for reports that name no situation, or none in which it can be seen.
        situation: a pattern of situations that are themselves what goes wrong, whatever is raised there.
    """

    name: str
    sentence: str
    error: str
    words: str
    claims: tuple[Claim, ...]
    contexts: tuple[str, ...] = ("plain_script",)
    situation: str = r"(?!)"

    @property
    def text(self) -> str:
        """A pattern of whatever tells this family in a text."""
        return f"{self.words}|{self.error}"

    def meant_by(self, text: str) -> list[Claim]:
        """Return the claims that a report's words mean, or else the ones that are meant without any."""
        told = [
            claim
            for claim in self.claims
            if claim.always or (claim.words and re.search(claim.words, text, re.IGNORECASE))
        ]
        return told or [claim for claim in self.claims if not claim.words]


FAMILIES: tuple[Family, ...] = (
    Family(
        "running-loop",
        "a sync call does not work where an event loop runs already",
        r"(?<!patch )(event )?loop is already running|cannot be called from a running event loop|nested async"
        r"|cannot use AsyncToSync in the same thread|if the event loop is running|refuses: event loop",
        r"nest_asyncio\.apply|already running",
        (
            Claim("returns_the_async_value", always=True),
            Claim("allows_reentry", r"\breentry\b|calls the sync entry (again|from)|nested sync entry"),
            Claim(
                "never_returns_a_failure", r"error text (is )?returned|error-fidelity|as the tool's result"
            ),
            Claim("returns_a_value_for_every_call", r"was never awaited|un-?awaited"),
        ),
        ("asyncio_run",),
    ),
    Family(
        "loop-bound-reuse",
        "what one call has made is dead in the next, because its loop is closed",
        r"event loop is closed",
        r"second (call|run|event)|2nd call|keep-?alive|warm (start|invocation)|client lifetime",
        (
            Claim("reuses_http_client"),
            Claim("reuses_http_client", r"httpx|AsyncClient|keep-?alive"),
            Claim("ignores_the_current_loop", r"loop-state|closed current loop|closed the current loop"),
            Claim("runs_on_one_loop", r"different loop|\bpool\b|\bsession\b"),
            Claim("serves_many_threads", r"concurren|under load"),
            Claim("works_at_the_end_of_the_process", r"garbage collected|__del__|at exit"),
        ),
    ),
    Family(
        "self-deadlock",
        "a call waits for the loop that it blocks",
        r"deadlock|circular wait|^hang|stall then TimeoutError",
        r"run_coroutine_threadsafe.*\.result\(|waits for the (same )?loop|circular wait|deadlock",
        (
            Claim("refuses_a_circular_wait"),
            Claim("allows_reentry_through_tasks", r"create_task|nesting|sandwich|atexit-managed thread"),
            Claim("serves_many_threads", r"worker thread (outlives|remembers)"),
            Claim("allows_reentry", r"steps? .* call each other"),
        ),
        ("asyncio_run",),
    ),
    Family(
        "loop-patching",
        "a patch of asyncio breaks, or is refused",
        r"can't patch loop|argument 'loop_factory'|context \S+ is already entered"
        r"|timeout should be used inside|NoEventLoopError",
        r"nest_asyncio|patch(ed|es)? (the )?(loop|asyncio)|nested run_until_complete",
        (
            Claim("returns_the_async_value", r"uvloop|can't patch|NoEventLoopError"),
            Claim("leaves_no_footprint", r"import-effects|at import|import of|asyncio\.run .*replaced"),
            Claim(
                "ignores_a_patched_asyncio_run", r"foreign|debugg|loop_factory|patched loop|Timeout should"
            ),
            Claim("serves_a_crowd_on_one_loop", r"slowest"),
            Claim("runs_queued_cells", r"queued? (two )?cells?|cell-queue|next cell"),
        ),
        ("asyncio_run",),
    ),
    Family(
        "context-loss",
        "context variables are lost, or come from somebody else",
        r"different context|contextvar|context vars? (is|are)? ?lost|instead of child span|binding is lost"
        r"|race: settings",
        r"contextvar|copy_context|bind_contextvars",
        (
            Claim("keeps_context_variables"),
            Claim("keeps_changes_of_context_variables", r"context-out|flow back|binding is lost"),
            Claim("keeps_one_context_across_a_stream", r"context-token|reset in another|per stream"),
            Claim("serves_many_threads", r"concurrent runs|leak into another"),
            Claim("keeps_context_variables_in_llm_calls", r"\btrace\b|child span"),
        ),
    ),
    Family(
        "server-stall",
        "a call blocks the loop of a server, and everybody waits",
        r"heartbeat|502 for every|server stalls|branch freezes|blocks? the (server|event loop)",
        r"block(s|ed|ing) the (server|event) ?loop|every (request|user) (waits|freezes)|blocking calls?",
        (Claim("warns_when_it_blocks_a_loop"),),
        ("asyncio_run",),
    ),
    Family(
        "no-current-loop",
        "a thread has no current loop, and a call asks for one",
        r"no current event loop",
        r"get_event_loop\(\)",
        (
            Claim("returns_the_async_value"),
            Claim("ignores_the_current_loop", r"get_event_loop"),
            Claim("serves_many_threads", r"concurrent"),
        ),
        ("executor_thread",),
    ),
    Family(
        "interrupt",
        "Ctrl-C is lost, comes late, or leaves the work running",
        r"KeyboardInterrupt|ctrl-c|SIGINT|exception not delivered",
        r"ctrl-?c\b|SIGINT|KeyboardInterrupt",
        (
            Claim("cancels_on_ctrl_c"),
            Claim("abandons_on_second_ctrl_c", r"second (press|ctrl-c)|has no effect"),
            Claim("survives_base_exceptions", r"SystemExit|BaseException"),
        ),
    ),
    Family(
        "shutdown",
        "the process does not end as it should: it hangs, refuses to work, or prints",
        r"at exit\b|interpreter shutdown|after shutdown|during finalization|exception ignored",
        r"\batexit\b|interpreter shutdown|finali[sz]ation|hangs at exit",
        (
            Claim("works_at_the_end_of_the_process"),
            Claim("closing_a_runtime_cancels_what_is_left", r"after close|survive close|close\(\) before"),
        ),
    ),
    Family(
        "cross-loop",
        "an object is bound to one loop and used on another",
        r"different (event )?loop|BlockingIOError",
        r"bound to (a|the) (different|other)|two loops|module-level (asyncio\.)?lock",
        (
            Claim("runs_on_one_loop"),
            Claim("reuses_http_client", r"\bclient\b|channel|native"),
            Claim("allows_reentry", r"callbacks? of the outer|nested sync run"),
        ),
    ),
    Family(
        "thread-affinity",
        "code runs on a thread on which it does not work",
        r"from an async context|only be run from an? .*thread|no running event loop|ScriptRunContext"
        r"|SQLite objects created in a thread|transactions mix",
        r"thread-?local|same thread|thread-identity|thread-bound",
        (
            Claim("runs_def_steps_on_calling_thread"),
            Claim("shows_def_steps_no_loop", r"async context|running loop|GUI loop"),
            Claim("leaves_no_footprint", r"leave a running loop behind|loop-state"),
            Claim("serves_many_threads", r"foreign thread|two concurrent requests"),
        ),
        ("asyncio_run",),
    ),
    Family(
        "foreign-runtime",
        "threads and loops are not what they are in plain CPython",
        r"can't start new thread|another loop is running|playwright sync api"
        r"|daemon threads? (is|are) disabled|bare NotImplementedError|only at next timer",
        r"gevent|greenlet|pyodide|emscripten|sub-?interpreter|monkey\.patch_all",
        (
            Claim("returns_the_async_value"),
            Claim("works_without_threads", r"start new thread|no threads|daemon threads"),
            Claim("shows_def_steps_no_loop", r"refuses running loops|inside the asyncio loop"),
            Claim("serves_many_threads", r"three threads|concurrent"),
            Claim("refuses_a_loop_that_cannot_be_driven", r"cannot be driven|loop subclass without"),
        ),
        situation=r"gevent|pyodide|emscripten|sub-?interpreter|own loop class|durable-execution",
    ),
    Family(
        "stream-cleanup",
        "a stream comes late, or leaves its generators open",
        r"after break|generators? never closed|all chunks arrive|after first item",
        r"async generator|\bagen\b|aclose\(|stream.*(break|early)",
        (
            Claim("closes_a_stream_left_early"),
            Claim("streams_items_as_they_are_produced", r"chunks arrive|first item arrives|timing"),
            Claim("keeps_one_context_across_a_stream", r"context-token|reset fails"),
        ),
    ),
    Family(
        "fork",
        "a call does not work in a forked child",
        r"fork|child hangs|never runs between requests",
        r"\bfork(ed|s)?\b|multiprocessing|ProcessPoolExecutor|os\.fork",
        (Claim("works_in_a_forked_child"),),
        situation=r"\bfork\b|multiprocessing|ProcessPool|data ?loader",
    ),
    Family(
        "state-pollution",
        "a call leaves loops or policy other than they were, or trips over those of others",
        r"(?!)",
        r"asyncio\.run sets the current loop|policy process-wide|leaves a running loop visible",
        (
            Claim("leaves_no_footprint"),
            Claim("ignores_the_current_loop", r"current loop"),
            Claim("starts_processes_in_steps", r"subprocess"),
            Claim("returns_the_async_value", r"foreign-loop|another loop is running"),
        ),
    ),
    Family(
        "dual-color",
        "a function is sync or async depending on who calls it",
        r"was never awaited|not in async context|returned a coroutine",
        r"coroutine (object )?instead of|frame inspection|looks at the caller's frame",
        (
            Claim("returns_a_value_for_every_call"),
            Claim("runs_async_hooks_in_sync_calls", r"async (hook|callback|handler)"),
        ),
    ),
    Family(
        "error-fidelity",
        "an error does not come out as it was raised",
        r"During handling of the above|real error replaced|tracebacks full of|error is swallowed",
        r"__context__|__cause__|another exception occurred|wrong (exception|traceback)",
        (
            Claim("raises_the_steps_own_exception"),
            Claim("keeps_the_context_of_a_plain_error", r"above exception|foreign __context__|cleanup noise"),
            Claim("ends_traceback_in_user_code", r"tracebacks full|last frame"),
        ),
    ),
    Family(
        "leaks",
        "threads, descriptors or memory grow from call to call",
        r"too many open files|\d+ -> \d+ threads|memory (grows|leak)|unclosed (event loop|socket)",
        r"descriptor|\bleak|thread count|threads? (keep|grow)",
        (
            Claim("leaks_no_threads_or_descriptors", always=True),
            Claim("serves_a_crowd_on_one_loop", r"threads in|concurrent runs"),
        ),
    ),
    Family(
        "starvation",
        "calls wait for the place in a pool that they occupy",
        r"deadlock with max_concurrency|tokens are held|pool is exhausted",
        r"thread limiter|CapacityLimiter|max_workers=1|max_concurrency",
        (
            Claim("allows_reentry"),
            Claim("serves_a_crowd_on_one_loop", r"at once|def endpoints"),
        ),
        ("executor_thread",),
    ),
    Family(
        "signals-thread",
        "signals are set up in a thread where that does not work, or those of others are lost",
        r"only works in main thread|if not on main thread|signals lost",
        r"set_wakeup_fd|add_signal_handler|signal\.signal",
        (
            Claim("returns_the_async_value"),
            Claim("leaves_no_footprint", r"signal-state|wakeup fd"),
            Claim("starts_processes_in_steps", r"subprocess|child process"),
        ),
        ("executor_thread",),
    ),
    Family(
        "task-affinity",
        "a context manager is left in another task than it was entered in",
        r"cancel scope in a different task",
        r"entered in setup|different task",
        (Claim("enters_and_exits_in_one_task"),),
    ),
    Family(
        "timeout-cancel",
        "a deadline or a cancellation is swallowed, or leaves the work running",
        r"no TimeoutError|continues after the timeout|cancellation hidden|ignores the timeout",
        r"wait_for|swallow\w* .*Cancel|timeout",
        (Claim("times_out"),),
    ),
    Family(
        "thread-safety",
        "several threads call at once, and the interpreter or its data break",
        r"interpreter crash|data race|segmentation fault",
        r"free-?threaded|no-?GIL|PYTHON_GIL",
        (Claim("serves_many_threads"),),
        situation=r"free-?threaded",
    ),
)
"""In the order in which reports of the field have most of them."""
