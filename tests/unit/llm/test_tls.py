"""OpenAICompatibleClient over TLS: certificates are checked, by an authority that the host may name."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from agent_runtime import LLMConnectionError, LLMTimeoutError
from tests.helpers.model_clients import ask, client_of, streamed, tokens_of
from tests.helpers.model_server import chunk, says, serving, streams

trustme = pytest.importorskip("trustme")  # a build without the GIL has no wheel of what it needs


@pytest.fixture(scope="module")
def authority() -> Any:
    return trustme.CA()


def server_context(authority: Any, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_server_whose_certificate_nobody_vouches_for_is_not_asked_at_all(authority: Any) -> None:
    with serving(tls=server_context(authority)) as server, client_of(server.url) as client:
        with pytest.raises(LLMConnectionError, match="certificate verify failed") as caught:
            ask(client)

        assert server.requests == []
        assert caught.value.attempts == 1


def test_server_of_another_name_is_not_asked(authority: Any) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with serving(tls=server_context(authority, "other.example")) as server:
        client = client_of(server.url, ssl_context=trusting)
        with client, pytest.raises(LLMConnectionError, match="certificate is not valid for"):
            ask(client)

        assert server.requests == []


def test_authority_of_the_host_is_trusted_and_connections_are_kept(authority: Any) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    script = says("one"), streams(chunk("two", "stop")), says("three")
    with serving(*script, tls=server_context(authority)) as server:
        with client_of(server.url, ssl_context=trusting) as client:
            got = [ask(client)["content"], tokens_of(streamed(client)), ask(client)["content"]]

        assert got == ["one", ["two"], "three"]
        assert server.connections == 1


def test_server_that_does_not_speak_tls_is_given_up_after_the_connect_timeout() -> None:
    with serving() as server:
        client = client_of(server.url.replace("http:", "https:"), retries=0, connect_timeout=0.3)
        with client, pytest.raises(LLMTimeoutError, match=r"within 'connect_timeout', 0\.3 s"):
            ask(client)
