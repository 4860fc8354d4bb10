"""Whether a question is asked again, and when."""

from __future__ import annotations

import asyncio
import logging

from agent_runtime.errors import LLMServiceError
from agent_runtime.llm.openai_compatible.failures import Failure, Request, closed
from agent_runtime.llm.openai_compatible.options import HTTPOptions
from agent_runtime.llm.openai_compatible.pool import Patience, PoolClosedError
from agent_runtime.llm.retry_hook import asking_again

__all__ = ("Retries",)

_FIRST_WAIT = 0.5
"""Seconds before the second attempt, at most; twice as many before each further one. A guess."""
_log = logging.getLogger("agent_runtime")


class Retries:
    """The attempts of one question."""

    def __init__(self, options: HTTPOptions) -> None:
        self._options = options
        self._made = 0

    async def wait(self, failure: Failure, request: Request, patience: Patience) -> None:
        """Wait before the next attempt.

        Raises:
            LLMServiceError: there is none.
            LLMClientClosedError: the client was closed.
        """
        self._made += 1
        error = failure.error
        delay = self._delay(failure, patience)
        if delay is None:
            if isinstance(error, LLMServiceError):
                error.attempts = self._made
            raise error
        _log.info("%s; asking again in %.3g s", error, delay)
        asking_again(f"{error}; asking again in {delay:.3g} s")
        try:
            await patience.within(asyncio.sleep(delay))
            return
        except PoolClosedError:
            pass
        raise closed(request).error

    def _delay(self, failure: Failure, patience: Patience) -> float | None:
        """Return how many seconds to wait; None not to ask again."""
        options = self._options
        if not failure.may_pass or self._made > options.retries:
            return None
        delay = failure.wait
        if delay is None:
            longest = min(_FIRST_WAIT * 2.0 ** min(self._made - 1, 32), options.max_retry_wait)
            delay = longest * (1 - 0.5 * self._chance())
        in_time = patience.left is None or delay < patience.left
        return delay if delay <= options.max_retry_wait and in_time else None

    def _chance(self) -> float:
        if self._options.random is not None:
            return self._options.random()
        import random

        return random.random()  # noqa: S311 - it spreads retries, and keeps no secret
