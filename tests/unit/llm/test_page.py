"""docs/llm-clients.md says what the code says: which options there are, and which errors."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import agent_runtime
from agent_runtime import HTTPOptions, LLMServiceError

PAGE = (Path(__file__).parents[3] / "docs" / "llm-clients.md").read_text(encoding="utf-8")


def rows_below(heading: str) -> dict[str, str]:
    """Return the first and the last cell of each row of the first table below a heading."""
    section = re.split(r"^##", PAGE.partition(f"### {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \|(?:.*\|)? ([^|]+) \|$", section, flags=re.MULTILINE))


def written(option: dataclasses.Field[object]) -> str:
    """Return how the page writes an option's default."""
    if option.name in ("ssl_context", "random"):
        return {"ssl_context": "httpx's", "random": "`random.random`"}[option.name]
    if option.default is None or option.default is False:
        return "none" if option.default is None else "no"
    return f"{option.default:.0f}"


def test_table_of_options_has_each_one_with_its_default() -> None:
    defaults = {option.name: written(option) for option in dataclasses.fields(HTTPOptions)}

    assert rows_below("Time, size, asking again") == defaults


def test_table_of_errors_has_every_error_of_a_server_and_no_other() -> None:
    errors = [getattr(agent_runtime, name) for name in agent_runtime.__all__ if name.endswith("Error")]
    of_servers = {error.__name__ for error in errors if issubclass(error, LLMServiceError)}

    assert set(rows_below("Errors")) == of_servers | {"LLMRequestError", "LLMClientClosedError"}
