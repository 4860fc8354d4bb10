"""What every test of the LLM client needs: that the libraries it uses are imported."""

from __future__ import annotations

import pytest

from tests.helpers.model_clients import ask, client_of
from tests.helpers.model_server import serving


@pytest.fixture(scope="session", autouse=True)
def _libraries_are_imported() -> None:
    """Ask once, so that no short time limit of a test is spent on the imports of the first question."""
    with serving() as server, client_of(server.url) as client:
        ask(client)
