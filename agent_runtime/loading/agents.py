"""Reading what an agent step says: its prompt, its tools, what its answer must be, its memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent_runtime.expressions import Constant, Template
from agent_runtime.loading.form import (
    NO_ARGUMENTS,
    Form,
    read_arguments,
    read_name,
    read_template,
    shown,
)
from agent_runtime.loading.keys import KEYS
from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, kind_of, to_python
from agent_runtime.loading.schemas import SchemaCheck, read_schema
from agent_runtime.workflow.agent_options import AgentTool, AnswerField, AnswerSpec, MemorySpec, SummarySpec
from agent_runtime.workflow.model import Action, AgentCall, Message, OnToolError, Position, RunsOn, ValueType

__all__ = ("read_agent", "read_messages")


def read_agent(form: Form, notes: Notes) -> Action | None:
    """Read the mapping under ``agent``."""
    node = form.node("agent")
    if node is None:
        return None
    agent = Form(node, notes, owner=f"'agent' of {form.owner}", keys=KEYS["agent"])
    if not agent.is_mapping:
        return None
    if "messages" not in agent and "scenario" not in agent:
        hint = "add 'messages: ...', or 'scenario: ...' for a prompt that the host has registered"
        notes.add(agent.position, f"{agent.owner} has no 'messages'", hint)
    usual = AgentCall(None, None, (), NO_ARGUMENTS)
    return AgentCall(
        scenario=agent.text("scenario"),
        version=agent.version("version"),
        messages=read_messages(agent, notes),
        config=_read_config(agent, notes),
        arguments=read_arguments(agent),
        tools=_read_tools(agent, notes),
        max_turns=agent.count("max_turns") or usual.max_turns,
        concurrency=agent.count("concurrency") or usual.concurrency,
        on_tool_error=agent.word("on_tool_error", OnToolError) or usual.on_tool_error,
        answer=_read_answer(agent, notes),
        memory=_read_memory(agent, notes),
        position=agent.position,
        scenario_position=agent.at("scenario"),
        version_position=agent.at("version"),
    )


def _read_config(agent: Form, notes: Notes) -> Template:
    config = agent.node("config")
    if config is None:
        return NO_ARGUMENTS
    if not isinstance(config, Pairs):
        agent.note("config", f"'config' in {agent.owner} must be a mapping, not {kind_of(config)}")
        return NO_ARGUMENTS
    for key, _value in config.pairs:
        if key.value == "tools" and "tools" in agent:
            message = f"{agent.owner} has 'tools' and says 'tools' in its 'config' as well"
            notes.add(key.position, message, "remove one of the two")
    return read_template(config, notes)


def read_messages(form: Form, notes: Notes) -> tuple[Message, ...]:
    """Read a list of messages."""
    node = form.node("messages")
    if node is None:
        return ()
    if not isinstance(node, Items) or not node.items:
        message = f"'messages' in {form.owner} must be a list with at least one message, not {kind_of(node)}"
        notes.add(node.position, message, "write '- {role: user, content: ...}'")
        return ()
    read = [_read_message(item, form, notes) for item in node.items]
    return tuple(message for message in read if message is not None)


def _read_message(node: Node, owner: Form, notes: Notes) -> Message | None:
    form = Form(node, notes, owner=f"a message in {owner.owner}", keys=KEYS["message"])
    if not form.is_mapping:
        return None
    role, content = form.text("role"), form.node("content")
    if content is None or role is None:
        return None
    if isinstance(content, Pairs) or (isinstance(content, Scalar) and not isinstance(content.value, str)):
        form.note("content", f"'content' of {form.owner} must be a text or a list, not {kind_of(content)}")
        return None
    return Message(role, read_template(content, notes))


def _read_tools(agent: Form, notes: Notes) -> tuple[AgentTool, ...]:
    node = agent.node("tools")
    if node is None:
        return ()
    if not isinstance(node, Items) or not node.items:
        message = f"'tools' in {agent.owner} must be a list with at least one name, not {kind_of(node)}"
        notes.add(node.position, message, "write 'tools: [name]'")
        return ()
    found: dict[str, AgentTool] = {}
    for item in node.items:
        tool = _read_tool(item, agent, notes)
        if tool is None:
            continue
        if tool.name in found:
            notes.add(tool.position, f"the tool '{shown(tool.name)}' is named twice in {agent.owner}")
        found[tool.name] = tool
    return tuple(found.values())


def _read_tool(node: Node, agent: Form, notes: Notes) -> AgentTool | None:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return AgentTool(node.value, position=node.position)
    form = Form(node, notes, owner=f"a tool in {agent.owner}", keys=KEYS["agent_tool"])
    if not form.is_mapping:
        return None
    name = form.text("name")
    runs_on, on_error = form.word("thread", RunsOn), form.word("on_error", OnToolError)
    return None if name is None else AgentTool(name, runs_on or RunsOn.CALLER, on_error, form.at("name"))


def _mapping_of(form: Form, key: str, table: str, short: str, notes: Notes) -> Form | None:
    """Return a mapping, or what stands for its most important key alone."""
    node = form.node(key)
    if node is None:
        return None
    if isinstance(node, Scalar) and node.value is not None:
        node = Pairs(((Scalar(short, node.position), node),), node.position)
    inner = Form(node, notes, owner=f"'{key}' of {form.owner}", keys=KEYS[table])
    return inner if inner.is_mapping else None


def _read_answer(agent: Form, notes: Notes) -> AnswerSpec | None:
    form = _mapping_of(agent, "output", "answer", "type", notes)
    if form is None:
        return None
    given, repairs = form.word("type", ValueType), form.count("repairs")
    fields = _read_fields(form, notes)
    schema = form.node("schema")
    check = None if schema is None else read_schema(schema, form.owner, notes)
    if fields is not None and check is not None:
        form.note("fields", f"{form.owner} has both 'fields' and 'schema'", "write all of it as 'schema'")
    if fields is not None and given not in (None, ValueType.OBJECT):
        message = f"{form.owner} has 'fields', and its type is {given.value}"
        form.note("type", message, "write 'type: object'")
    return AnswerSpec(
        type=given or (ValueType.ANY if check is not None else ValueType.OBJECT),
        fields=fields,
        check=check,
        schema=check.schema if isinstance(check, SchemaCheck) else None,
        repairs=AnswerSpec(ValueType.ANY).repairs if repairs is None else repairs,
    )


def _read_fields(form: Form, notes: Notes) -> Mapping[str, AnswerField] | None:
    node = form.node("fields")
    if node is None:
        return None
    if not isinstance(node, Pairs) or not node.pairs:
        message = f"'fields' in {form.owner} must be a mapping with at least one name, not {kind_of(node)}"
        notes.add(node.position, message, "write 'name: string'")
        return None
    return {
        str(key.value): _read_field(str(key.value), key.position, value, form, notes)
        for key, value in node.pairs
        if read_name(str(key.value), key.position, notes, what="the name of a field")
    }


def _read_field(name: str, position: Position, node: Node, answer: Form, notes: Notes) -> AnswerField:
    if isinstance(node, Scalar):  # 'label: string' is short for 'label: {type: string}'
        node = Pairs(() if node.value is None else ((Scalar("type", node.position), node),), position)
    form = Form(node, notes, owner=f"the field '{name}' of {answer.owner}", keys=KEYS["field"])
    choices = tuple(_read_choices(form, notes))
    given, items, required = (
        form.word("type", ValueType),
        form.word("items", ValueType),
        form.flag("required"),
    )
    if items is not None and given not in (None, ValueType.ARRAY):
        form.note("items", f"{form.owner} has 'items', and its type is {given.value}", "write 'type: array'")
    usual = ValueType.ARRAY if items is not None else ValueType.ANY
    return AnswerField(given or usual, required is not False, form.text("description") or "", items, choices)


def _read_choices(form: Form, notes: Notes) -> Iterator[object]:
    node = form.node("enum")
    if node is None:
        return
    if not isinstance(node, Items) or not node.items:
        form.note("enum", f"'enum' in {form.owner} must be a list of values, not {kind_of(node)}")
        return
    for item in node.items:
        value = to_python(item)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield value
        else:
            message = f"'enum' in {form.owner} takes texts and numbers, not {kind_of(item)}"
            notes.add(item.position, message)


def _read_memory(agent: Form, notes: Notes) -> MemorySpec | None:
    form = _mapping_of(agent, "memory", "memory", "name", notes)
    if form is None:
        return None
    name, window, summary = form.text("name"), form.count("window"), _read_summary(form, notes)
    if window is not None and summary is not None:
        form.note("window", f"{form.owner} has both 'window' and 'summary'", "remove one of the two")
    if name is None or not read_name(name, form.at("name"), notes, what="the name of a conversation"):
        return None
    return MemorySpec(name, _read_key(form), window, summary, form.position)


def _read_key(form: Form) -> Template | None:
    node = form.node("key")
    if node is None:
        return None
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        form.note(
            "key", f"'key' in {form.owner} must be a text, not {kind_of(node)}", 'write "${inputs.<name>}"'
        )
        return None
    key = form.template("key")
    if key == Constant(""):
        form.note("key", f"'key' in {form.owner} is empty", "remove it for a conversation of the run")
    return key


def _read_summary(memory: Form, notes: Notes) -> SummarySpec | None:
    form = _mapping_of(memory, "summary", "summary", "after", notes)
    if form is None:
        return None
    after, keep, prompt = form.count("after"), form.count("keep"), form.text("prompt")
    if after is None:
        return None
    if keep is None:
        keep = min(SummarySpec(after).keep, after - 1)
    elif keep >= after:
        form.note("keep", f"'keep' in {form.owner} must be less than 'after', which is {after}")
    return SummarySpec(after, keep, prompt)
