"""What a warning in a stream can be about."""

from __future__ import annotations

import enum

__all__ = ("WarningCode",)


class WarningCode(enum.StrEnum):
    """What a :class:`~agent_runtime.WarningIssued` is about. Later versions may add codes."""

    ANSWER_CUT_OFF = "answer_cut_off"
    """A model was stopped before it had ended: by its limit of tokens, or by a filter of its server."""
    ANSWER_MISSING = "answer_missing"
    """A model's reply has no content; "No content generated" stands in its place."""
    ANSWER_REJECTED = "answer_rejected"
    """An answer is not what the step's ``output`` says: the model was told, and is asked again.

    Tokens since the one before, or since the last ToolReturned, are void.
    """
    ASKED_AGAIN = "asked_again"
    """A language model's server did not answer, and the LLM client asks it again after a while."""
    CANCELLATION_IGNORED = "cancellation_ignored"
    """What a step does went on after it was cancelled, or still goes on."""
    COST_UNKNOWN = "cost_unknown"
    """The host has given prices, and what a question cost cannot be told from them."""
    SUMMARY_MISSING = "summary_missing"
    """A model was to sum up a conversation and has said nothing; all of it was kept as it is."""
