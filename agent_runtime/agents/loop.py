"""One attempt of an agent step: ask, run the tools that the model calls, ask again, until it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from agent_runtime.agents.bound_prompts import BoundPrompt
from agent_runtime.agents.conversation import SUMMARY, Recollection, recall, save, transcript
from agent_runtime.agents.structured_output import Answers, correction
from agent_runtime.agents.tool_calls import BoundTool, Call, Calls, calls_in
from agent_runtime.engine.steps import MISSING, NO_CONTENT, Surroundings, Trace, message_of, put, question
from agent_runtime.errors import AgentRuntimeError, AnswerError, TurnLimitError
from agent_runtime.expressions import Values, render
from agent_runtime.memory import MemoryStore
from agent_runtime.outcomes import Outcome, acapture, capture
from agent_runtime.results.warning_codes import WarningCode
from agent_runtime.tools import wire_name
from agent_runtime.workflow.agent_options import MemorySpec
from agent_runtime.workflow.model import AgentCall

__all__ = ("BoundAgent",)

ChatMessage = Mapping[str, object]


class BoundAgent(NamedTuple):
    """An agent step with what the host gives it; threads may share it.

    Attributes:
        call: what the file says.
        tools: what the model may call, by the names that it knows and by those of the file.
        described: the tools as the client passes them on.
        answers: what an answer must be; None means any text.
        prompt: what is said first; None means nothing.
        store: what keeps conversations that outlive a run; None means that the host has given none.
    """

    call: AgentCall
    tools: Mapping[str, BoundTool] = {}
    described: Sequence[Mapping[str, object]] = ()
    answers: Answers | None = None
    prompt: BoundPrompt | None = None
    store: MemoryStore | None = None

    @classmethod
    def of(
        cls,
        call: AgentCall,
        tools: Sequence[BoundTool],
        prompt: BoundPrompt | None,
        store: MemoryStore | None,
    ) -> BoundAgent:
        """Put together what an agent step needs."""
        by_name = {wire_name(tool.told.name): tool for tool in tools}
        described = [
            {
                "type": "function",
                "function": {
                    "name": name,
                    "description": tool.told.description,
                    "parameters": tool.told.parameters,
                },
            }
            for name, tool in by_name.items()
        ]
        by_name.update({tool.told.name: tool for tool in tools})
        return cls(
            call, by_name, described, None if call.answer is None else Answers(call.answer), prompt, store
        )

    async def perform(
        self, step_id: str, values: Values, around: Surroundings, trace: Trace
    ) -> Outcome[object]:
        """Make one attempt.

        Raises:
            ReferenceValueError: a reference of the step cannot be resolved; nothing has been asked.
            StepInputError: a value is not what the prompt declares; nothing has been asked.
        """
        messages = [] if self.prompt is None else self.prompt.messages(trace.step, values)
        messages += (message_of(message, values) for message in self.call.messages)
        config = cast("dict[str, object]", render(self.call.config, values))
        if self.described:
            config["tools"] = self.described
        if self.answers is not None:
            config.setdefault("response_format", self.answers.response_format())
        config = {
            key: value for key, value in config.items() if key != "response_format" or value is not None
        }
        dialogue = _Dialogue(self, step_id, config, around, trace)
        if self.call.memory is None:
            return await dialogue.outcome(messages)
        return await self._with_memory(self.call.memory, dialogue, messages, values, around)

    async def _with_memory(
        self,
        spec: MemorySpec,
        dialogue: _Dialogue,
        messages: list[ChatMessage],
        values: Values,
        around: Surroundings,
    ) -> Outcome[object]:
        """Go on with a conversation; it is kept when there is an answer, and not before."""
        recalled = await acapture(recall(spec, values, around, self.store))
        if recalled.error is not None or recalled.value is None:
            return Outcome(error=recalled.take_error())
        given = [message for message in messages if message["role"] == "system"]
        said = [message for message in messages if message["role"] != "system"]
        outcome = await dialogue.outcome([*given, *recalled.value.conversation.messages, *said])
        if outcome.error is not None:
            return outcome
        said = cast("list[ChatMessage]", around.redacted([*said, *dialogue.said]))
        kept = await acapture(self._keep(recalled.value, said, dialogue, around))
        return outcome if kept.error is None else Outcome(error=kept.take_error())

    async def _keep(
        self, recalled: Recollection, said: Sequence[ChatMessage], dialogue: _Dialogue, around: Surroundings
    ) -> None:
        """Add to the conversation; that of a kept run gets it when the step's result is kept, in one write.

        Raises:
            MemoryConflictError: others have changed it each time.
            BaseException: the client or the store raised it.
        """
        exchange = await recalled.exchange(said, dialogue.summarise)
        if recalled.spec.key is not None:
            assert self.store is not None
            await save(exchange, recalled, dialogue.step, self.store)
        elif around.journal is not None:
            dialogue.trace.exchange = exchange
        else:
            assert around.conversations is not None
            around.conversations.add(exchange)


class _Dialogue:
    """What has been said in one attempt.

    Attributes:
        step: the step.
        trace: of the step.
        said: what is worth keeping: the calls, their results and the answer, without answers that were wrong.
    """

    def __init__(
        self,
        agent: BoundAgent,
        step_id: str,
        config: Mapping[str, object],
        around: Surroundings,
        trace: Trace,
    ) -> None:
        self._agent = agent
        self._step_id = step_id
        self._messages: list[ChatMessage] = []
        self._config = config
        self._around = around
        self.trace = trace
        self._turns = 0
        self._repairs = 0
        self._called: list[dict[str, object]] = []
        self.step = trace.step
        self.said: list[ChatMessage] = []

    async def outcome(self, messages: Sequence[ChatMessage]) -> Outcome[object]:
        """Ask until there is an answer."""
        self._messages += messages
        while True:
            asked = await self._ask()
            if asked.error is not None or asked.value is None:
                return Outcome(error=asked.take_error())
            calls = capture(calls_in, asked.value, self._turns)
            if calls.error is not None:
                return Outcome(error=calls.take_error())
            if calls.value:
                failed = await self._run_tools(asked.value, calls.value)
            else:
                faults: list[str] = []
                output = self._answer(asked.value, faults)
                if not faults:
                    if asked.value.get("content") is None:
                        self._around.warn(self.step, WarningCode.ANSWER_MISSING, MISSING)
                    self.said.append({"role": "assistant", "content": output["content"]})
                    return Outcome(output)
                failed = self._correct(asked.value, faults)
            if failed is not None:
                return failed

    async def _ask(self) -> Outcome[dict[str, object]]:
        self._turns += 1
        call = self._agent.call
        # A copy: a client may keep what it is given, and the dialogue goes on.
        asked = question(self._step_id, call, list(self._messages), self._config, self._around)
        return await put(asked, self._around, self.trace)

    async def _run_tools(self, reply: Mapping[str, object], calls: Sequence[Call]) -> Outcome[object] | None:
        """Run what the model calls and tell it what came of it; None means that the dialogue goes on."""
        call = self._agent.call
        if self._turns - self._repairs >= call.max_turns:
            names = dict.fromkeys(self._name_of(each) for each in calls)
            return _failed(TurnLimitError(self.trace.step, self._turns, tuple(names)))
        work = Calls(calls, self._agent.tools, self._around, self.trace, call.concurrency)
        done = await work.carry_out()
        if done.error is not None or done.value is None:
            return Outcome(error=done.take_error())
        new: list[ChatMessage] = [
            {"role": "assistant", "content": reply.get("content"), "tool_calls": _wire(calls)}
        ]
        for each, result in zip(calls, done.value, strict=True):
            new.append({"role": "tool", "tool_call_id": each.id, "content": result.content})
            named = {"id": each.id, "tool": self._name_of(each), "arguments": each.arguments}
            self._called.append({**named, "content": result.content, "failed": result.failed})
        self._messages += new
        self.said += new
        return None

    async def summarise(self, messages: Sequence[ChatMessage]) -> ChatMessage | None:
        """Ask the model to sum up a conversation; the answer is a message, or None if it says nothing.

        Raises:
            BaseException: the client raised it.
        """
        memory = self._agent.call.memory
        asked = SUMMARY
        if memory is not None and memory.summary is not None and memory.summary.prompt is not None:
            asked = memory.summary.prompt
        question_ = question(
            f"{self._step_id}:summary",
            self._agent.call,
            [{"role": "system", "content": asked}, {"role": "user", "content": transcript(messages)}],
            {key: value for key, value in self._config.items() if key not in ("tools", "response_format")},
            self._around,
        )
        reply = (await put(question_, self._around, self.trace, aloud=False)).unwrap()
        if not (content := reply.get("content")):
            told = "the model has not summed up the conversation; all of it is kept as it is"
            self._around.warn(self.step, WarningCode.SUMMARY_MISSING, told)
            return None
        return {"role": "system", "content": f"The conversation so far: {content}"}

    def _name_of(self, call: Call) -> str:
        tool = self._agent.tools.get(call.name)
        return call.name if tool is None else tool.said.name

    def _answer(self, reply: Mapping[str, object], faults: list[str]) -> dict[str, object]:
        """Make the step's output of an answer; what is wrong with it goes into the faults."""
        output = {key: value for key, value in reply.items() if key != "tool_calls"}
        if output.get("content") is None:
            output["content"] = NO_CONTENT
        if self.trace.usage is not None:
            output["usage"] = self.trace.usage
        output["turns"] = self._turns
        output["calls"] = self._called
        if self._agent.answers is not None:
            output["parsed"] = self._agent.answers.read(reply.get("content"), faults)
        return output

    def _correct(self, reply: Mapping[str, object], faults: Sequence[str]) -> Outcome[object] | None:
        """Tell the model what is wrong with its answer; None means that the dialogue goes on."""
        answers = self._agent.answers
        assert answers is not None  # any other answer will do
        content = str(reply.get("content") or "")
        if self._repairs >= answers.repairs:
            return _failed(AnswerError(self.trace.step, faults, content, self._repairs))
        self._repairs += 1
        told = f"the answer cannot be used, repair {self._repairs} of {answers.repairs}: {'; '.join(faults)}"
        self._around.warn(self.step, WarningCode.ANSWER_REJECTED, told)
        self._messages.append({"role": "assistant", "content": content})
        self._messages.append({"role": "user", "content": correction(faults)})
        return None


def _failed(error: AgentRuntimeError) -> Outcome[object]:
    return Outcome(error=error)


def _wire(calls: Sequence[Call]) -> list[ChatMessage]:
    return [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in calls
    ]
