"""Run refund.yaml: ask, decide and go on, as if days lay between."""

from __future__ import annotations

from pathlib import Path

from agent_runtime import MemoryStorage, Runtime


def pay_back(amount: float) -> float:
    """Stand in for a request to a bank."""
    return amount


FUNCTIONS = {"pay_back": pay_back}


def main() -> None:
    """Print what is asked, and what is paid when it has been decided."""
    file = Path(__file__).with_name("refund.yaml")
    with Runtime(file, functions=FUNCTIONS, storage=MemoryStorage()) as runtime:
        asked = runtime.run({"amount": 250}, run_id="refund-1")
        print(asked.waiting["boss"].message)
        runtime.approve("refund-1", "boss", by="Ada")
        print(runtime.resume("refund-1").outputs["paid"])


if __name__ == "__main__":
    main()
