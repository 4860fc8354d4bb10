"""The secrets that one workflow may use, and their values in one run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NoReturn

from agent_runtime.secrets.logs import watch_own_log
from agent_runtime.secrets.redactor import Redactor
from agent_runtime.secrets.secret import Secret

__all__ = ("RunSecrets", "Vault")


class RunSecrets:
    """The values of secrets in one run.

    Attributes:
        values: by name; for the arguments of functions and tools, and nothing else.
        redactor: takes them out of everything else.
    """

    __slots__ = ("redactor", "values")

    def __init__(self, values: Mapping[str, str], redactor: Redactor) -> None:
        self.values = values
        self.redactor = redactor

    def __repr__(self) -> str:
        return f"<RunSecrets {', '.join(self.values)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the secrets of a run are not pickled")


class Vault:
    """What the host has given; may be shared by threads.

    Args:
        given: the secrets by name.
        used: the names that the workflow refers to. The others are never fetched; those of them that were
            given as values are blacked out all the same.
    """

    __slots__ = ("_given", "_latest", "_others")

    def __init__(self, given: Mapping[str, Secret], used: Collection[str]) -> None:
        self._given = {name: given[name] for name in sorted(used)}
        self._others = [each.reveal() for name, each in given.items() if name not in used and each.is_known]
        self._latest: RunSecrets | None = None
        watch_own_log()

    def __repr__(self) -> str:
        return f"<Vault {', '.join(self._given)}>"

    def open(self) -> RunSecrets:
        """Fetch the values for one run, on this thread; runs with the same values share one object.

        Raises:
            SecretError: a function has returned something that cannot be a secret.
            BaseException: whatever such a function raised, the object itself.
        """
        values = {name: secret.reveal() for name, secret in self._given.items()}
        latest = self._latest
        if latest is None or latest.values != values:
            latest = self._latest = RunSecrets(values, Redactor([*values.values(), *self._others]))
        return latest
