"""Run greeting.yaml many times on one Runtime; the default LLM client repeats what it is asked."""

from __future__ import annotations

from pathlib import Path

from agent_runtime import Runtime


def upper(text: str) -> str:
    """Return the text in capitals."""
    return text.upper()


def main() -> None:
    """Greet three people, each in another language."""
    with Runtime(Path(__file__).with_name("greeting.yaml"), functions={"upper": upper}) as runtime:
        for name, language in (("Ada", "en"), ("Emmy", "de"), ("Sofia", "sv")):
            print(runtime.run({"name": name, "language": language}).outputs["greeting"])


if __name__ == "__main__":
    main()
