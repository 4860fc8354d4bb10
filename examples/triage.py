"""Run triage.yaml with code of your own: an async tool, a plain function and a scripted model."""

from __future__ import annotations

from pathlib import Path

from agent_runtime import ScriptedClient, run_workflow


async def find_customer(customer: str) -> dict[str, str]:
    """Stand in for a request to a customer database."""
    return {"name": customer, "plan": "gold"}


def choose_queue(label: str, urgent: bool) -> str:
    """Choose by label; runs on the thread that called run_workflow()."""
    return f"{label}-now" if urgent else label


def scripted_model() -> ScriptedClient:
    """Answer in the place of a real model, the same each time."""
    return ScriptedClient({"classify": "billing"})


def main() -> None:
    """Sort one ticket and print its queue."""
    result = run_workflow(
        Path(__file__).with_name("triage.yaml"),
        inputs={"customer": "Ada", "ticket": "I was charged twice.", "urgent": True},
        tools={"crm.find": find_customer},
        functions={"choose_queue": choose_queue},
        llm=scripted_model(),
    )
    print(result.outputs["queue"])


if __name__ == "__main__":
    main()
