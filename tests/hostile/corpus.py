"""Hostile workflow files by name, each with what its error must say; and large ones that are right.

Everything is generated: files of some megabytes, and characters that editors and reviewers do not show.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ("HOSTILE", "LARGE", "Hostile")

STEP = "steps:\n  - {id: a, function: f}\n"
WITH = "inputs: {a: string}\nsteps:\n  - id: a\n    function: f\n    "


class Hostile(NamedTuple):
    """A file, and a part of the error that it must end in: what is wrong and what to write instead."""

    text: str
    says: str


def laughs(levels: int, width: int = 9) -> str:
    rows = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]\n" for n in range(1, levels))
    return "a0: &a0 [x]\n" + "".join(rows) + STEP


def steps(count: int, row: str) -> str:
    return "steps:\n" + "".join(f"  - {row.format(n=n, next=n + 1)}\n" for n in range(count))


TOO_MANY = "more than 250000 values, aliases counted in full"
TOO_DEEP = "nested more than 60 levels deep; flatten it"
NO_TAGS = "is not part of the format; remove it"
UNKNOWN = "in the workflow; the keys here are"
NOT_YAML = "is not allowed in YAML"
NO_ID = "cannot be the id of a step; use up to 100 letters a-z, digits, '_' and '-', beginning with a letter"
ONE_LINE = "which does not print; use one line"

ALIASES = {
    "billion_laughs": Hostile(laughs(12), TOO_MANY),
    "quadratic_laughs": Hostile("x: &x [" + "1," * 50_000 + "]\ny: [*x,*x,*x,*x,*x,*x]\n" + STEP, TOO_MANY),
    "laughs_in_arguments": Hostile(
        WITH
        + "with:\n      a0: &a0 [1]\n"
        + "".join(f"      a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        TOO_MANY,
    ),
    "references_multiplied": Hostile(
        WITH + "with: {x: &x '" + "${inputs.a}" * 1_000 + "', y: [" + "*x," * 100 + "]}\n", TOO_MANY
    ),
    "many_references": Hostile(WITH + "with: {x: '" + "${inputs.a}" * 300_000 + "'}\n", TOO_MANY),
    "alias_in_itself": Hostile("x: &x {y: *x}\n" + STEP, "stands inside what it stands for"),
    "alias_before_its_anchor": Hostile("x: *x\ny: &x 1\n" + STEP, "define it further up"),
    "long_anchor": Hostile("x: &" + "a" * 3_000_000 + " 1\n" + STEP, UNKNOWN),
    "merge_key": Hostile("x: &x {a: 1}\ny: {<<: *x}\n" + STEP, "write the keys out"),
}

NESTING = {
    "flow_lists": Hostile("steps: " + "[" * 1_000_000 + "\n", TOO_DEEP),
    "flow_mappings": Hostile("steps: " + "{a: " * 500_000 + "\n", TOO_DEEP),
    "question_marks": Hostile("? " * 100_000 + "\n", TOO_DEEP),
    "dashes": Hostile("- " * 100_000 + "\n", TOO_DEEP),
    "steps_in_steps": Hostile("steps: " + "[{id: a, steps: " * 40 + "[]" + "}]" * 40 + "\n", TOO_DEEP),
    "brackets_in_a_reference": Hostile(
        WITH + 'when: "${' + "(" * 1_900 + "1" + ")" * 1_900 + '}"\n',
        "nested 40 levels deep at most; compute it in a function step",
    ),
    "nots_in_a_reference": Hostile(
        WITH + "when: '${" + "not " * 900 + "1}'\n", "nested 40 levels deep at most"
    ),
    "long_reference": Hostile(
        WITH + "when: '${" + " or ".join(["inputs.a"] * 1_000) + "}'\n", "may have 4000 characters at most"
    ),
}

SIZES = {
    "many_characters": Hostile("#" + "c" * 4_000_001 + "\n" + STEP, "and 4000000 is the most"),
    "many_pairs": Hostile("x: [" + "a: b," * 600_000 + "]\n" + STEP, TOO_MANY),
    "many_lists": Hostile("x: [" + "[]," * 1_000_000 + "]\n" + STEP, TOO_MANY),
    "same_key_again": Hostile(
        WITH + "with:\n" + "".join(f"      k: {n}\n" for n in range(20_000)),
        "the key 'k' is here a second time",
    ),
    "unknown_keys": Hostile(
        STEP + "".join(f"k{n}: 1\n" for n in range(20_000)),
        "unknown key 'k0' in the workflow; the keys here are",
    ),
    "unknown_names_that_look_alike": Hostile(
        steps(2_000, "{{id: " + "ab" * 45 + "{n}, function: f}}")
        + "".join(f"  - {{id: z{n}, function: f, needs: {'ba' * 45}{n}}}\n" for n in range(50)),
        "and there is no such step; did you mean 'abab",
    ),
    "everything_waits_for_everything": Hostile(
        "steps:\n"
        + "".join(
            f"  - {{id: s{n}, function: f, needs: [{','.join(f's{m}' for m in range(200) if m != n)}]}}\n"
            for n in range(200)
        ),
        "these steps wait for each other",
    ),
    "huge_circle": Hostile(
        steps(5_000, "{{id: s{n}, function: f, needs: s{next}}}")
        + "  - {id: s5000, function: f, needs: s0}\n",
        "these steps wait for each other: s0 -> s1",
    ),
    "huge_key": Hostile("? " + "x" * 1_000_000 + "\n: 1\n" + STEP, "a key may have 1000 characters at most"),
    "huge_id": Hostile(f"steps:\n  - {{id: {'i' * 1_000_000}, function: f}}\n", NO_ID),
    "huge_name": Hostile("name: " + "n" * 1_000_000 + "\n" + STEP, "characters, and 200 is the most"),
    "long_tag": Hostile("x: !" + "a" * 3_000_000 + " 1\n" + STEP, NO_TAGS),
    "many_documents": Hostile("---\n" * 900_000, "a workflow file holds one document; remove the '---' here"),
    "many_directives": Hostile("%FOO x\n" * 500_000 + "---\n" + STEP, "this is not YAML"),
    "many_open_references": Hostile(WITH + "with: {x: '" + "${" * 50_000 + "'}\n", "wrong reference"),
}

NUMBERS = {
    "digits": Hostile(
        WITH + "timeout: " + "9" * 1_000_000 + "\n", "400 digits at most; quote it if it is a text"
    ),
    "beyond_floats": Hostile(WITH + "timeout: " + "9" * 399 + "\n", "at most 1000000000"),
    "exponent": Hostile(WITH + "timeout: 1e999999999\n", "at most 1000000000"),
    "not_a_number": Hostile(WITH + "timeout: .nan\n", "must be more than 0"),
    "negative": Hostile(WITH + "timeout: -1\n", "must be more than 0"),
    "attempts": Hostile(WITH + "retry: {attempts: 99999999999999999999}\n", "must be from 1 to 1000"),
    "times": Hostile(WITH + "repeat: {max: 1000001}\n", "must be from 1 to 1000000"),
    "version": Hostile("version: " + "9" * 400 + "\n" + STEP, "of the format, and this release reads 1"),
    "digits_in_a_reference": Hostile(WITH + "when: '${" + "9" * 3_000 + " > 1}'\n", "30 digits at most"),
    "position_in_a_reference": Hostile(WITH + "when: '${inputs.a[" + "9" * 31 + "]}'\n", "30 digits at most"),
    "base_sixty": Hostile(WITH + "timeout: 1:30:00\n", "a number of seconds, not a text"),
}

CHARACTERS = {
    "nul": Hostile("name: a\0b\n" + STEP, NOT_YAML),
    "terminal_colours": Hostile("name: \x1b[31mred\n" + STEP, NOT_YAML),
    "terminal_colours_escaped": Hostile('name: "\\e[31mred"\n' + STEP, ONE_LINE),
    "title_of_the_terminal": Hostile('"\\e]0;gotcha\\a": 1\n' + STEP, "unknown key '\\x1b]0;gotcha\\x07'"),
    "lines_of_its_own": Hostile(
        '"x\\nw.yaml: no mistakes": 1\n' + STEP, "unknown key 'x\\nw.yaml: no mistakes'"
    ),
    "one_character_control": Hostile("name: a\x9bb\n" + STEP, NOT_YAML),
    "surrogate": Hostile("name: \ud800\n" + STEP, NOT_YAML),
    "not_a_character": Hostile("name: \uffff\n" + STEP, NOT_YAML),
    "direction": Hostile('steps:\n  - {id: "\u202egnp.exe", function: f}\n', "'\\u202egnp.exe' " + NO_ID),
    "direction_in_a_name": Hostile("name: \u2066a\u2069\n" + STEP, ONE_LINE),
    "zero_width": Hostile("steps:\n  - {id: a\u200bb, function: f}\n", "'a\\u200bb' " + NO_ID),
    "look_alikes": Hostile("steps:\n  - {id: \u0440\u0430y, function: f}\n", NO_ID),
    "same_id_composed_and_not": Hostile(
        "steps:\n  - {id: caf\u00e9, function: f}\n  - {id: cafe\u0301, function: f}\n", NO_ID
    ),
    "full_width_key": Hostile("\uff53teps: []\n" + STEP, "unknown key '\uff53teps'"),
    "line_separators": Hostile("name: a\u2028steps: []\n" + STEP, "put it in double quotes as '\\u2028'"),
    "tab": Hostile("steps:\n\t- {id: a, function: f}\n", "replace it by blanks"),
}

CODE = {
    "object": Hostile("name: !!python/object/apply:os.system [id]\n" + STEP, NO_TAGS),
    "module": Hostile("name: !!python/module:os x\n" + STEP, NO_TAGS),
    "name": Hostile("name: !!python/name:os.system x\n" + STEP, NO_TAGS),
    "binary": Hostile("name: !!binary aGk=\n" + STEP, NO_TAGS),
    "timestamp": Hostile("name: !!timestamp 2001-01-01\n" + STEP, NO_TAGS),
    "set": Hostile("name: !!set {a, b}\n" + STEP, NO_TAGS),
    "own_tag_with_a_prefix": Hostile(
        "%TAG ! tag:yaml.org,2002:python/\n---\nname: !name:os x\n" + STEP, NO_TAGS
    ),
    "call": Hostile(WITH + "when: '${open(1)}'\n", "wrong reference: unknown word 'open'"),
    "import": Hostile(WITH + "when: '${__import__}'\n", "wrong reference: unknown word '__import__'"),
    "environment": Hostile(WITH + "when: '${env.HOME}'\n", "wrong reference: unknown word 'env'"),
    "method": Hostile(WITH + "when: '${inputs.a.upper()}'\n", "wrong reference"),
    "format_conversion": Hostile(WITH + "when: '${inputs.a!r}'\n", "wrong reference"),
    "format_specification": Hostile(WITH + "when: '${inputs.a:>99999999}'\n", "wrong reference"),
    "lambda": Hostile(WITH + "when: '${(lambda: 1)()}'\n", "wrong reference: ':' is not part of a reference"),
    "walrus": Hostile(WITH + "when: '${(x := 1)}'\n", "wrong reference"),
    "reference_in_a_reference": Hostile(WITH + "when: '${inputs[${inputs.a}]}'\n", "wrong reference"),
    "attribute_of_all_inputs": Hostile(WITH + "when: '${inputs.__class__}'\n", "which is not declared"),
    "attribute_of_a_step": Hostile(
        WITH + "when: '${steps.b.__class__}'\n  - {id: b, function: f}\n",
        "write 'steps.b.output.__class__'",
    ),
    "secret_in_a_prompt": Hostile(
        "steps: [{id: a, agent: {messages: [{role: user, content: '${secrets.key}'}]}}]\n",
        "it can be used under 'with' of a step with 'function' or 'tool'",
    ),
}

SHAPES = {
    "nothing": Hostile("\n", "the file is empty; write at least a 'steps' list"),
    "only_a_comment": Hostile("# steps\n", "the file is empty"),
    "list": Hostile("- 1\n", "the workflow must be a mapping, not a list; write 'key: value' lines"),
    "list_as_key": Hostile("? [a]\n: 1\n" + STEP, "a key must be a text"),
    "steps_as_mapping": Hostile("steps: {a: 1}\n", "begin each step with '- id: ...'"),
    "null_everywhere": Hostile(
        "steps:\n  - id:\n    function:\n    with:\n", "add a value or remove the key"
    ),
    "unclosed_quote": Hostile("name: 'a\n" + STEP, "this is not YAML"),
    "wrong_yaml_version": Hostile("%YAML 9.9\n---\n" + STEP, "this is not YAML"),
}

HOSTILE: dict[str, Hostile] = {
    f"{family}:{name}": each
    for family, members in {
        "aliases": ALIASES,
        "nesting": NESTING,
        "sizes": SIZES,
        "numbers": NUMBERS,
        "characters": CHARACTERS,
        "code": CODE,
        "shapes": SHAPES,
    }.items()
    for name, each in members.items()
}

LARGE: dict[str, str] = {
    "steps": steps(5_000, "{{id: s{n}, function: f}}"),
    "chain": STEP.replace("id: a", "id: s0")
    + "".join(f"  - {{id: s{n}, function: f, needs: s{n - 1}}}\n" for n in range(1, 5_000)),
    "comment": "#" + "c" * 3_900_000 + "\n" + STEP,
    "blank_lines": "\n" * 3_900_000 + STEP,
    "description": "description: |\n" + "  a line\n" * 400_000 + STEP,
    "dollars": WITH + "with: {x: '" + "$" * 3_000_000 + "'}\n",
}
"""Files near the limits, which are right and load."""
