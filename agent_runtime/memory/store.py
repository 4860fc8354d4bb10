"""What keeps conversations: two methods, so that a database can be one; and one that keeps them in memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

__all__ = ("Conversation", "InMemoryStore", "MemoryStore")

ChatMessage = Mapping[str, object]


class Conversation(NamedTuple):
    """What has been said under one key.

    Attributes:
        messages: in the wire form, the oldest first; values of JSON, nothing else.
        version: another number each time that it is saved; 0 means that nothing has been said.
    """

    messages: Sequence[ChatMessage] = ()
    version: int = 0


@runtime_checkable
class MemoryStore(Protocol):
    """What keeps conversations, for ``Options(memory=...)``.

    Both methods are awaited on the loop of the run; several loops may do so at once, in several threads. A
    database needs one row for each key, and one statement to save: an update where the version is still the
    one that was read. Versions must not come again when a conversation is forgotten and another one begins
    under its key: else a run that had read the first would write it over the second.
    """

    async def load(self, key: str) -> Conversation:
        """Return what has been said under a key; an empty conversation if nothing has."""

    async def save(self, key: str, messages: Sequence[ChatMessage], *, version: int) -> bool:
        """Replace what has been said under a key, if nobody else has done so meanwhile.

        Args:
            key: whose conversation it is.
            messages: all of it.
            version: that of the conversation that was loaded.

        Returns:
            Whether it was saved. Where it was not, it is loaded again.
        """


class InMemoryStore:
    """Keeps conversations in this process, until it is dropped; any threads and loops may share it.

    Nothing is locked: a signal handler or finaliser that runs an agent of its own may come in anywhere.
    """

    def __init__(self) -> None:
        self._histories: dict[str, _History] = {}
        self._firsts = itertools.count(1, _APART)

    async def load(self, key: str) -> Conversation:
        """Return what has been said under a key; an empty conversation if nothing has."""
        history = self._histories.get(key)
        return Conversation() if history is None else history.newest()

    async def save(self, key: str, messages: Sequence[ChatMessage], *, version: int) -> bool:
        """Replace what has been said under a key, if nobody else has done so meanwhile."""
        if version:
            history = self._histories.get(key)
            return history is not None and history.add(Conversation(tuple(messages), version + 1))
        new = _History(Conversation(tuple(messages), next(self._firsts)))
        return self._histories.setdefault(key, new) is new

    def keys(self) -> list[str]:
        """Return the keys under which something has been said."""
        return list(self._histories)

    def forget(self, key: str) -> None:
        """Drop what has been said under a key; a run that has read it keeps its own exchange alone."""
        self._histories.pop(key, None)

    def __reduce__(self) -> str:
        raise TypeError(
            "conversations in memory cannot be sent to another process; use SQLiteMemoryStore(path)"
        )


_APART = 2**40
"""From the first version of one conversation to that of the next: more saves than there will be."""

_KEPT = 16
"""Versions of a conversation that are kept, to know who comes too late; all but the newest could be empty."""


class _History:
    """The latest versions of one conversation.

    ``dict.setdefault`` is the one step that decides: who gets its own value back has saved that version.
    """

    def __init__(self, first: Conversation) -> None:
        self._versions = {first.version: first}

    def newest(self) -> Conversation:
        while True:
            found = self._versions.get(max(tuple(self._versions)))
            if found is not None:  # else it has been dropped since: 16 others came in between
                return found

    def add(self, conversation: Conversation) -> bool:
        version = conversation.version
        if version - 1 not in self._versions:
            return False
        if self._versions.setdefault(version, conversation) is not conversation:
            return False
        if version - 1 not in self._versions:  # meanwhile its successor has come, and been dropped already
            self._versions.pop(version, None)
            return False
        for old in sorted(self._versions)[:-_KEPT]:  # the oldest first: see above
            self._versions.pop(old, None)
        return True
