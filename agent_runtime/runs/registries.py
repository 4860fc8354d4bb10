"""What the host gives by name, copied and checked: functions, tools, secrets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from agent_runtime.engine.steps import Callee, is_async

if TYPE_CHECKING:
    from agent_runtime.secrets import Secret, Vault

__all__ = ("AnyFunction", "Registry", "Secrets", "callees_of", "registry_of", "secrets_of", "vault_of")

AnyFunction = Callable[..., object]
Registry = Mapping[str, AnyFunction]
if TYPE_CHECKING:
    Secrets: TypeAlias = Mapping[str, str | Callable[[], str] | Secret]
else:  # nothing of secrets is imported where there are none; and `Secrets | None` can be evaluated
    Secrets = Mapping[str, object]


def secrets_of(given: Secrets | None) -> Mapping[str, Secret]:
    """Copy the secrets.

    Raises:
        TypeError: they are not a mapping of names to secrets.
        SecretError: one of them cannot be kept.
    """
    if given is None:
        return {}
    from agent_runtime.secrets import Secret

    if not isinstance(given, Mapping):
        raise TypeError(f"secrets= is a mapping of names to secrets, not {type(given).__name__}")
    entries: Iterable[tuple[object, object]] = given.items()  # types promise more than callers keep
    kept: dict[str, Secret] = {}
    for name, each in entries:
        if not isinstance(name, str):
            raise TypeError("secrets= is a mapping of names to secrets, and a name is a text")
        kept[name] = Secret.of(each)
    return kept


def vault_of(kept: Mapping[str, Secret], used: Collection[str]) -> Vault | None:
    """Return what fetches the secrets that are used; None if there are none."""
    if not kept:
        return None
    from agent_runtime.secrets import Vault

    return Vault(kept, used)


def callees_of(registry: Registry) -> Mapping[str, Callee]:
    """Find out of each function what calling it gives."""
    return {name: Callee(fn, is_async(fn)) for name, fn in registry.items()}


def registry_of(what: str, given: Registry | None) -> Registry:
    """Copy a registry, so that later changes by the host do not reach runs.

    Raises:
        TypeError: it is not a mapping of names to callables.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{what}= is a mapping of names to callables, not {type(given).__name__}")
    entries: Iterable[tuple[object, object]] = given.items()  # types promise more than callers keep
    for name, fn in entries:
        if not isinstance(name, str) or not callable(fn):
            raise TypeError(
                f"{what}={{{name!r}: ...}} is {type(fn).__name__}, and must be a callable with a text as name"
            )
    return dict(given)
