"""What is so in this process and on this machine, and what of it is known to give trouble."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import sys
import sysconfig
import threading
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

__all__ = ("extras", "facts", "troubles")

_NEEDED = {"PyYAML": "6.0.1", "typing-extensions": "4.10"}

_EXTRAS = ("jsonschema", "httpx", "greenback", "opentelemetry-api")

_FEW = 256
"""Descriptors or threads; the budget for a thousand threads in a call is this many descriptors."""


def facts() -> dict[str, str]:
    """Return what is so, as words."""
    loop = asyncio._get_running_loop()  # noqa: SLF001 - documented, in spite of its name
    flags = {name: getattr(sys.flags, name) for name in dir(sys.flags) if not name.startswith(("_", "n_"))}
    odd = [f"{name}={value}" for name, value in flags.items() if type(value) in (int, bool) and value]
    usual = (
        "hash_randomization",
        "utf8_mode",
        "safe_path",
        "int_max_str_digits",
        "gil",
        "thread_inherit_context",
    )
    limits = {"descriptors": _limit("RLIMIT_NOFILE"), "threads of this user": _limit("RLIMIT_NPROC")}
    return {
        "agent_runtime": _version("agent-runtime") or "not installed, run from a checkout",
        "python": f"{platform.python_implementation()} {platform.python_version()}"
        + (" without the GIL" if _is_free_threaded() else ""),
        "executable": sys.executable or "unknown",
        "platform": platform.platform(),
        "flags": ", ".join(word for word in odd if not word.startswith(usual)) or "none",
        "event loop here": "none runs"
        if loop is None
        else f"{type(loop).__module__}.{type(loop).__qualname__}",
        "default event loop": _default_loop(),
        "threads": f"{threading.active_count()} in this process",
        **{name: "no limit" if limit is None else str(limit) for name, limit in limits.items()},
        "descriptors in use": _count("/proc/self/fd", "/dev/fd"),
        "processes allowed here": _read("/sys/fs/cgroup/pids.max"),
    }


def extras() -> dict[str, str]:
    """Return the versions of what is needed, and of what extras bring."""
    return {name: _version(name) or "not installed" for name in (*_NEEDED, *_EXTRAS)}


def troubles() -> Iterator[tuple[str, str, bool]]:
    """Yield what is known to give trouble: what it is, what it means, and whether calls may fail by it."""
    yield from _patches()
    yield from _limits()
    for name, least in _NEEDED.items():
        if _version(name) is None:
            yield name, f"it is not installed, and {least} or later is needed", True
    if _is_free_threaded():
        yield "python", "builds without the GIL are tried, and not promised", False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield (
            "ctrl-c",
            "SIGINT is ignored here, as for what a shell starts with '&': Ctrl-C cancels nothing",
            False,
        )
    if sys.gettrace() is not None:
        yield (
            "debugger",
            "a trace function is set: calls are slower, and breakpoints may stop the loop thread",
            False,
        )
    if sys.flags.dev_mode or os.environ.get("PYTHONASYNCIODEBUG"):
        yield "debug mode", "asyncio is in debug mode, which makes calls several times slower", False


_PATCHED = (
    "asyncio.run is that of {module}; agent_runtime needs no such patch and works beside"
    " it; other libraries may not"
)


def _patches() -> Iterator[tuple[str, str, bool]]:
    """Yield what has been replaced in asyncio or in threading."""
    if hasattr(asyncio, "_nest_patched") or asyncio.run.__module__ != "asyncio.runners":
        yield "patched asyncio", _PATCHED.format(module=asyncio.run.__module__), False
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        patched = [
            name for name in ("threading", "socket", "queue", "signal") if monkey.is_module_patched(name)
        ]
        if patched:
            words = ", ".join(patched)
            yield (
                "gevent",
                f"it has patched {words}; the loop thread stays a real one, and a call blocks the hub",
                False,
            )
    if "eventlet" in sys.modules:
        yield "eventlet", "its patches have not been tried with agent_runtime", False


def _limits() -> Iterator[tuple[str, str, bool]]:
    descriptors = _limit("RLIMIT_NOFILE")
    if descriptors is not None and descriptors < 32:
        yield (
            "descriptors",
            f"only {descriptors} are allowed, and a loop thread needs three; raise 'ulimit -n'",
            True,
        )
    elif descriptors is not None and descriptors < _FEW:
        yield (
            "descriptors",
            f"only {descriptors} are allowed; clients with many connections will run out",
            False,
        )
    threads = _limit("RLIMIT_NPROC")
    if threads is not None and threads < _FEW:
        yield "threads", f"only {threads} are allowed for this user; 'thread: worker' needs one a step", False
    try:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    except RuntimeError as error:
        yield (
            "threads",
            f"no thread can start here ({error}); calls run on the calling thread, if no loop runs there",
            True,
        )


def _limit(name: str) -> int | None:
    """Return a limit of this process; None if there is none, or this system knows none."""
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    kind = getattr(resource, name, None)
    soft = resource.RLIM_INFINITY if kind is None else resource.getrlimit(kind)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _count(*folders: str) -> str:
    for folder in folders:
        try:
            return str(len(os.listdir(folder)))
        except OSError:
            continue
    return "unknown"


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()[:40]
    except (OSError, ValueError):
        return "unknown"


def _default_loop() -> str:
    """Name the event loop that asyncio would make, without making one."""
    return f"asyncio.{getattr(asyncio, 'EventLoop', None) or asyncio.SelectorEventLoop!r}".split("'")[-2]


def _is_free_threaded() -> bool:
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
