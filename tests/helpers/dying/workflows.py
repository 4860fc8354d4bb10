"""The workflows that are killed. Each step notes its own path in the run when it begins and ends."""

from __future__ import annotations

__all__ = ("WORKFLOWS",)

PLAIN = """
name: plain
inputs: {n: integer}
steps:
  - {id: a, tool: count, with: {name: a, value: "${inputs.n}"}}
  - {id: b, function: count_here, with: {name: b, value: "${steps.a.output}"}}
  - {id: c, tool: count, with: {name: c, value: "${steps.b.output}"}}
  - {id: d, tool: count, with: {name: d, value: "${steps.a.output}"}}
outputs: {c: "${steps.c.output}", d: "${steps.d.output}"}
"""

NESTED = """
name: nested
inputs: {n: integer}
steps:
  - {id: skipped, when: false, tool: count, with: {name: skipped, value: 0}}
  - id: block
    retry: {attempts: 2}
    steps:
      - {id: x, tool: count, with: {name: block.x, value: "${inputs.n}"}}
      - {id: y, tool: second_time, with: {name: block.y, value: "${steps.x.output}"}}
  - id: each
    for_each: {in: [10, 20], concurrency: 1}
    tool: count
    with: {name: "each[${index}]", value: "${item}"}
  - id: again
    repeat: {max: 2}
    tool: count
    with: {name: "again[${index}]", value: "${index}"}
  - id: saved
    tool: fail
    with: {name: saved}
    fallback: {tool: count, with: {name: "saved:fallback", value: 7}}
  - {id: given_up, on_error: continue, tool: fail, with: {name: given_up}}
  - {id: sub, workflow: inner, with: {n: "${inputs.n}"}}
"""

INNER = """
name: inner
inputs: {n: integer}
steps:
  - {id: z, tool: count, with: {name: sub.z, value: "${inputs.n}"}}
"""

UNDONE = """
name: undone
inputs: {n: integer}
steps:
  - id: a
    tool: count
    with: {name: a, value: "${inputs.n}"}
    compensate: {tool: count, with: {name: "a:compensate", value: "${output}"}}
  - id: block
    needs: a
    steps:
      - id: b
        tool: count
        with: {name: block.b, value: 1}
        compensate: {tool: count, with: {name: "block.b:compensate", value: "${output}"}}
  - {id: c, needs: block, tool: fail_if_not_undone, with: {name: c}}
"""

TALKING = """
name: talking
inputs: {n: integer}
steps:
  - {id: hello, agent: {memory: chat, messages: [{role: user, content: "hello ${inputs.n}"}]}}
  - id: each
    needs: hello
    for_each: {in: [10, 20], concurrency: 1}
    agent:
      memory: {name: chat, summary: {after: 4, keep: 2}}
      messages: [{role: user, content: "is it ${item}?"}]
  - {id: count, needs: each, tool: count, with: {name: count, value: 1}}
  - {id: bye, needs: count, agent: {memory: chat, messages: [{role: user, content: bye}]}}
outputs: {heard: "${steps.bye.output.heard}", hello: "${steps.hello.output.heard}"}
"""

WORKFLOWS = {"plain": PLAIN, "nested": NESTED, "undone": UNDONE, "talking": TALKING, "inner": INNER}
