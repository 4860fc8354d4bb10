"""What crosses the border to another process, and what comes back: bytes, made and read with clear errors.

Made here and not by the executor, which would pickle on a thread of its own, and name neither what cannot
cross nor what to write instead.
"""

from __future__ import annotations

import dataclasses
import pickle
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import NamedTuple, cast

from agent_runtime.errors import NotPortableError, RemoteError
from agent_runtime.outcomes import Outcome, texts_of
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.program import Origin, Program

__all__ = ("pack_inputs", "pack_outcome", "pack_program", "unpack_inputs", "unpack_outcome", "unpack_program")

_MAX_CHAIN = 20
"""Exceptions of one chain of causes and contexts that are sent; a guess."""


class _Error(NamedTuple):
    """An exception on its way: pickle loses its traceback, and what it came from."""

    pickled: bytes | None
    texts: tuple[str, str]
    cause: _Error | None
    context: _Error | None
    suppress_context: bool


class _Failed(NamedTuple):
    """The outcome of a run that failed."""

    error: _Error
    traceback: str


def pack_program(origin: Origin) -> bytes:
    """Make the bytes from which another process makes the program anew.

    Raises:
        NotPortableError: something of it cannot be pickled; all of that is listed.
    """
    try:
        return pickle.dumps(tuple(origin))
    except Exception as error:
        raise NotPortableError(
            list(_problems(origin)) or [f"the workflow cannot be sent: {error}"]
        ) from error


def unpack_program(packed: bytes) -> Program:
    """Make the program, in the worker.

    Raises:
        NotPortableError: the worker does not find what it consists of.
    """
    try:
        origin = Origin(*pickle.loads(packed))  # noqa: S301 - from the process that has started this one
    except Exception as error:
        problem = (
            f"the worker cannot load the workflow: {type(error).__name__}: {error}; functions, tools and"
            " classes that it names must be in modules that the workers can import, too"
        )
        raise NotPortableError([problem]) from error
    return Program.remade(origin)


def pack_inputs(inputs: object) -> bytes:
    """Make the bytes of one run's inputs.

    Raises:
        NotPortableError: they cannot be pickled.
    """
    try:
        return pickle.dumps(inputs)
    except Exception as error:
        raise NotPortableError(list(_bad_entries("the input", inputs)) or [f"the inputs: {error}"]) from error


def unpack_inputs(packed: bytes) -> Mapping[str, object] | None:
    """Read one run's inputs, in the worker.

    Raises:
        NotPortableError: the worker does not find what they consist of.
    """
    try:
        return cast("Mapping[str, object] | None", pickle.loads(packed))  # noqa: S301 - as above
    except Exception as error:
        raise NotPortableError(
            [f"the worker cannot load the inputs: {type(error).__name__}: {error}"]
        ) from error


def pack_outcome(outcome: Outcome[RunResult], where: str) -> bytes:
    """Make the bytes of what a run came to, in the worker; a result that cannot be sent becomes a failure.

    Args:
        outcome: what it came to.
        where: names the worker, for the traceback.
    """
    error = outcome.take_error()
    try:
        if error is None:
            try:
                return pickle.dumps(outcome.value)
            except Exception as failure:  # noqa: BLE001 - somebody's __reduce__ may raise anything
                error = _not_sent(outcome.value, failure)
        frames = "".join(traceback.format_tb(_own(error.__traceback__))).rstrip()
        told = f"on {where}:\n{frames}"  # the frames alone: what the exception says, it says itself
        return pickle.dumps(_Failed(_pack_error(error, _MAX_CHAIN), told))
    finally:
        del error


def unpack_outcome(packed: bytes) -> Outcome[RunResult]:
    """Read what a run came to."""
    try:
        came = pickle.loads(packed)  # noqa: S301 - from a worker that this process has given work
    except Exception as error:  # noqa: BLE001 - an import may raise anything
        refused = NotPortableError([f"the result cannot be loaded here: {type(error).__name__}: {error}"])
        refused.__cause__ = error
        try:
            return Outcome(error=refused)
        finally:
            del refused
    if not isinstance(came, _Failed):
        return Outcome(came)
    made = _unpack_error(came.error)
    made.add_note(came.traceback)
    try:
        return Outcome(error=made)
    finally:
        del made


def _own(frames: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that lead to the user's code."""
    own = frames
    while own is not None and own.tb_frame.f_globals.get("__name__", "").startswith("agent_runtime."):
        own = own.tb_next
    return own or frames


def _not_sent(result: RunResult | None, failure: Exception) -> NotPortableError:
    outputs = {} if result is None else result.outputs
    problems = list(_bad_entries("the output", outputs)) or [f"the result: {failure}"]
    return NotPortableError([f"{problem}; give it back as plain data" for problem in problems])


def _pack_error(error: BaseException, left: int) -> _Error:
    cause, context = error.__cause__, error.__context__
    return _Error(
        _pickled(error),
        texts_of(error),
        _pack_error(cause, left - 1) if cause is not None and left else None,
        _pack_error(context, left - 1) if context is not None and context is not cause and left else None,
        error.__suppress_context__,
    )


def _pickled(error: BaseException) -> bytes | None:
    """Return the exception as bytes, if it can be read again: many classes say nothing of their arguments."""
    try:
        packed = pickle.dumps(error)
        return packed if type(pickle.loads(packed)) is type(error) else None  # noqa: S301 - just written
    except Exception:  # noqa: BLE001 - somebody's class may raise anything
        return None


def _unpack_error(packed: _Error) -> BaseException:
    made: BaseException = RemoteError(*packed.texts)
    if packed.pickled is not None:
        try:
            loaded = pickle.loads(packed.pickled)  # noqa: S301 - from a worker, as above
            made = loaded if isinstance(loaded, BaseException) else made
        except Exception:  # noqa: BLE001, S110 - its class is not importable here: the texts remain
            pass
    made.__cause__ = None if packed.cause is None else _unpack_error(packed.cause)
    if packed.context is not None:
        made.__context__ = _unpack_error(packed.context)
    made.__suppress_context__ = packed.suppress_context
    return made


def _problems(origin: Origin) -> Iterator[str]:
    yield from _bad_entries("the function", origin.functions)
    yield from _bad_entries("the tool", origin.tools)
    if (reason := _reason(origin.llm)) is not None:
        yield (
            f"the LLM client cannot be sent to another process: {reason}; give its class a __getstate__()"
            " that leaves out connections, or run on threads"
        )
    yield from _bad_entries("the secret", origin.secrets)
    for field in dataclasses.fields(origin.options):
        if (reason := _reason(getattr(origin.options, field.name))) is not None:
            yield f"Options({field.name}=...) cannot be sent to another process: {reason}"
    if (reason := _reason(origin.storage)) is not None:
        yield f"the storage cannot be sent to another process: {reason}"
    if (reason := _reason(origin.workflow)) is not None:
        yield f"the workflow cannot be sent to another process: {reason}"


def _bad_entries(what: str, entries: object) -> Iterator[str]:
    for name, value in entries.items() if isinstance(entries, Mapping) else ():
        if (reason := _reason(value)) is not None:
            yield f"{what} {name!r} cannot be sent to another process: {reason}"


def _reason(value: object) -> str | None:
    """Return why a value cannot be pickled, and what to write instead; None if it can."""
    try:
        pickle.dumps(value)
    except Exception as error:  # noqa: BLE001 - somebody's __reduce__ may raise anything
        name = getattr(value, "__qualname__", "")
        if "<lambda>" in name:
            return "it is a lambda; write a def at the top level of a module"
        if "<locals>" in name:
            outer = name.partition(".<locals>")[0]
            return f"it is defined inside {outer}(); define it at the top level of a module"
        return f"{type(error).__name__}: {error}"
    return None
