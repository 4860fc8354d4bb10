"""Which prompts there are: given by the host as data, or found in one folder that it names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from agent_runtime.loading import Source, read_source

__all__ = ("PromptRegistry",)

Messages = str | Sequence[Mapping[str, object]]
_ENDINGS = (".yaml", ".yml", ".md", ".txt")


class PromptRegistry:
    """Prompts by scenario and version, for ``Options(prompts=...)``; threads may share it.

    Args:
        prompts: by scenario, and then by version. A prompt is a text, which becomes one system message, or a
            list of messages. References in them are those of workflow files, and see the prompt's inputs.

    Raises:
        TypeError: it is not such a mapping.
    """

    def __init__(self, prompts: Mapping[str, Mapping[str, Messages]] | None = None) -> None:
        self._prompts: dict[str, dict[str, Messages | _File]] = {}
        given: object = {} if prompts is None else prompts  # types promise more than callers keep
        for scenario, versions in _pairs(given, "prompts"):
            for version, prompt in _pairs(versions, f"prompts[{scenario!r}]"):
                if isinstance(prompt, Mapping) or not isinstance(prompt, Sequence):
                    raise TypeError(
                        f"prompts[{scenario!r}][{version!r}] is neither text nor a list of messages"
                    )
                self._prompts.setdefault(scenario, {})[version] = prompt

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> PromptRegistry:
        """Return the prompts of a folder, in files called ``<scenario>/<version>.yaml``, ``.md`` or ``.txt``.

        The folder is looked through now; a file is read when a workflow names it. Names that begin with a
        dot are left out.

        Args:
            folder: the one place that is read.

        Raises:
            OSError: there is no such folder, or it cannot be read.
            ValueError: two files are of one version, or a link leads out of the folder.
        """
        registry, root = cls(), os.path.realpath(folder)
        for scenario in _entries(root):
            if not scenario.is_dir():
                continue
            for file in _entries(scenario.path):
                version, ending = os.path.splitext(file.name)
                if ending in _ENDINGS and file.is_file():
                    registry._add_file(root, scenario.name, version, file.path)
        return registry

    def _add_file(self, root: str, scenario: str, version: str, path: str) -> None:
        if os.path.commonpath((os.path.realpath(path), root)) != root:
            raise ValueError(f"{path} is a link that leads out of {root}")
        versions = self._prompts.setdefault(scenario, {})
        if version in versions:
            raise ValueError(f"{path} is a second file of version '{version}' of the prompt '{scenario}'")
        versions[version] = _File(path)

    def scenarios(self) -> list[str]:
        """Return the names of all prompts, in the order in which they were given."""
        return list(self._prompts)

    def versions(self, scenario: str) -> list[str]:
        """Return the versions of a prompt; none if there is no such prompt."""
        return list(self._prompts.get(scenario, ()))

    def __repr__(self) -> str:
        return f"PromptRegistry({', '.join(self._prompts)})"

    def source_of(self, scenario: str, version: str) -> Source | Messages:
        """Return a prompt as it was given; a file is read now.

        Raises:
            WorkflowError: its file cannot be read.
        """
        given = self._prompts[scenario][version]
        return read_source(given) if isinstance(given, _File) else given


def _pairs(given: object, what: str) -> Iterator[tuple[str, object]]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{what} is a mapping of names, which are texts: {{scenario: {{version: prompt}}}}")
    yield from given.items()


class _File(os.PathLike[str]):
    """The path of a prompt, which is not to be taken for its text."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return self._path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Return what is in a folder and not hidden, by name."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if entry.name[0] not in "._"), key=lambda entry: entry.name)
