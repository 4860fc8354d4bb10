"""Run support.yaml: an agent with tools, a prompt, a memory and an answer that is data; all of it offline."""

from __future__ import annotations

from pathlib import Path

from agent_runtime import (
    InMemoryStore,
    Options,
    Price,
    PromptRegistry,
    Runtime,
    ScriptedClient,
    ToolRegistry,
    tool,
    tool_calls,
)

tools = ToolRegistry()


@tools.add
@tool(name="crm.find")
async def find_customer(customer: str) -> dict[str, str]:
    """Look a customer up.

    Args:
        customer: the name.
    """
    return {"name": customer, "plan": "gold"}


@tools.add
@tool(name="orders.list")
def list_orders(customer: str, limit: int = 3) -> list[str]:
    """List the latest orders of a customer; runs on the thread that called run()."""
    return [f"order {number} of {customer}" for number in range(1, limit + 1)]


def call_a_person(reply: str) -> str:
    """Stand in for a pager."""
    return f"please look at: {reply}"


def main() -> None:
    """Answer two messages of one customer; print the answers, what was called and what it cost."""
    ada = {"customer": "Ada"}
    model = ScriptedClient(
        {
            "answer": [
                tool_calls(("crm.find", ada), ("orders.list", {**ada, "limit": 1})),
                '{"reply": "Your order 1 is on its way.", "mood": "calm"}',
                '{"reply": "I am sorry. A colleague will call you."}',  # no mood: it is told so
                '{"reply": "I am sorry. A colleague will call you.", "mood": "upset"}',
            ]
        }
    )
    options = Options(
        prompts=PromptRegistry({"support": {"1": "You help ${inputs.customer}, briefly."}}),
        memory=InMemoryStore(),
        prices={"small": Price(input=0.5, output=2.0)},
    )
    source = Path(__file__).with_name("support.yaml")
    functions = {"call_a_person": call_a_person}
    with Runtime(source, tools=tools, functions=functions, llm=model, options=options) as runtime:
        for message in ("Where is my order?", "Still nothing. This is the third time!"):
            result = runtime.run({"customer": "Ada", "message": message})
            print(result.outputs["reply"], "(a person was called)" if result.outputs["escalated"] else "")
            print("  tokens:", result.usage["input_tokens"], "in,", result.usage["output_tokens"], "out")
            print("  cost:", result.usage["cost"])


if __name__ == "__main__":
    main()
