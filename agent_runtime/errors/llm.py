"""What goes wrong between an LLM client and the server that it asks."""

from __future__ import annotations

from agent_runtime.errors.base import AgentRuntimeError

__all__ = (
    "LLMClientClosedError",
    "LLMConnectionError",
    "LLMRateLimitError",
    "LLMReplyError",
    "LLMRequestError",
    "LLMServerError",
    "LLMServiceError",
    "LLMStatusError",
    "LLMTimeoutError",
    "MissingExtraError",
)


class MissingExtraError(AgentRuntimeError, ImportError):
    """Something was used that needs a library which is not installed.

    Attributes:
        feature: what was used.
        library: the library that it needs.
        extra: the extra of this package that installs it.
    """

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(feature, library, extra)
        self.feature = feature
        self.library = library
        self.extra = extra

    def __str__(self) -> str:
        return (
            f"{self.feature} needs the library {self.library}, which is not installed;"
            f" pip install 'agent-runtime[{self.extra}]'"
        )


class LLMRequestError(AgentRuntimeError, ValueError):
    """What an ``agent`` step asks cannot be sent: no model is named, say, or a setting is no JSON.

    Attributes:
        problem: what is wrong, and what to write instead.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class LLMClientClosedError(AgentRuntimeError):
    """A closed LLM client was asked, or it was closed while it waited for an answer.

    Attributes:
        url: where its server is.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"the LLM client of {self.url} is closed; make a new one, or ask before close()"


class LLMServiceError(AgentRuntimeError):
    """A language model's server gave no answer that can be used. No text in it names a key.

    Attributes:
        url: where the server was asked, without a query.
        problem: what came instead of an answer.
        attempts: how often it was asked.
    """

    def __init__(self, url: str, problem: str) -> None:
        BaseException.__init__(self, url, problem)  # OSError would take two arguments for errno and text
        self.url = url
        self.problem = problem
        self.attempts = 1

    def __str__(self) -> str:
        asked = f" (asked {self.attempts} times)" if self.attempts > 1 else ""
        return f"{self.url} {self.problem}{asked}"


class LLMConnectionError(LLMServiceError, ConnectionError):
    """The server cannot be reached, or the connection broke before the answer was complete."""


class LLMTimeoutError(LLMServiceError, TimeoutError):
    """The server took too long: to be connected to, to say anything, or for the whole answer."""


class LLMReplyError(LLMServiceError, ValueError):
    """What the server sent is not a chat completion: malformed, too large, or something else."""


class LLMStatusError(LLMServiceError):
    """The server answered with an HTTP status that is no success.

    Attributes:
        url: where the server was asked, without a query.
        problem: the status, and what the server said.
        attempts: how often it was asked.
        status: the HTTP status.
        retry_after: how many seconds it asks to wait, if it does.
        code: the server's own word for the error, if there is one.
    """

    def __init__(
        self, url: str, problem: str, status: int, retry_after: float | None = None, code: str | None = None
    ) -> None:
        super().__init__(url, problem)
        self.args = (url, problem, status, retry_after, code)
        self.status = status
        self.retry_after = retry_after
        self.code = code


class LLMRateLimitError(LLMStatusError):
    """The server answered 429: too much has been asked of it, by this key or at all."""


class LLMServerError(LLMStatusError):
    """The server answered with a status from 500 on: the fault is its own, and may pass."""
