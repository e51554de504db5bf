"""One message of the user answered by a language model: what it is sent, what it asks for, what it gets to know.

A server that cannot call tools is asked for a plan as JSON. What does not fit is asked again with less.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clarity_desktop.backend import plan
from clarity_desktop.backend.chat import prompts
from clarity_desktop.backend.chat.llm import history
from clarity_desktop.backend.chat.llm.client import MAX_CALLS, Chat, Client, FunctionCall, Reply
from clarity_desktop.backend.chat.llm.failures import Unsupported
from clarity_desktop.backend.chat.quote import one_line
from clarity_desktop.backend.plan import ToolCall
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, Text, english
from clarity_desktop.values import DocumentCard, Turn

log = logging.getLogger(__name__)
MAX_MALFORMED = 3
"""Replies in a row without one valid call, after which the model is not asked again."""
RESULT = 1500
"""Characters of one result that the model gets."""
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid call, and the id under which the model expects its result."""

    id: str
    step: ToolCall


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said and asked for. problem: a sentence about a reply that is incomplete or not valid.

    final: it expects no results: a plan, or words alone.
    """

    text: str = ""
    asked: tuple[Asked, ...] = ()
    question: str | None = None
    problem: Text = ""
    final: bool = True


class Exchange:
    """The messages of one turn. Its rounds: `ask`, run what it asks for, `report` each result, and again."""

    def __init__(
        self,
        client: Client,
        card: DocumentCard,
        turns: Sequence[Turn],
        facts: prompts.Facts,
        text: str,
        image: str | None = None,
        *,
        by_plan: bool = False,
        on_text: Callable[[str], object] = lambda _: None,
    ) -> None:
        """turns: before this message. image: data URL of the photo. by_plan: the server cannot call tools."""
        self._client, self._card, self._turns, self._facts, self._text = client, card, turns, facts, text
        self._on_text = on_text
        self.image, self.by_plan = image, by_plan
        self._budget, self._schema = history.TOKENS, True
        self._rounds: list[Chat] = []
        self._malformed = 0
        self.notes: list[Message] = []
        """What to say about the way of asking."""

    async def ask(self) -> Answer:
        """The next answer. Raises UserError, JobCancelled."""
        while True:
            reply = await self._reply()
            found = self._answer(reply)
            if found is not None:
                return found

    def report(self, asked: Asked, result: Text) -> None:
        """Tell the model the result of a call."""
        self._report(asked.id, english(result))

    def _report(self, identity: str, result: str) -> None:
        # In one line: what a photo's metadata say cannot look like another message.
        content = one_line(result, RESULT) or "Done."
        self._rounds.append({"role": "tool", "tool_call_id": identity, "content": content})

    # asking

    async def _reply(self) -> Reply:
        while True:
            try:
                if self.by_plan:
                    schema = _plan_schema() if self._schema else None
                    return await self._client.chat(self._messages(), schema=schema)
                return await self._client.chat(self._messages(), plan.functions(), on_text=self._show)
            except Unsupported as e:
                if not self._do_without(e):
                    raise e.otherwise from e

    def _do_without(self, lack: Unsupported) -> bool:
        """Ask for less from now on; False: there is nothing left to do without."""
        log.info("The language model server refuses: %s", lack.feature)
        model = self._client.where.model
        match lack.feature:
            case "tools" if not self.by_plan:
                self.by_plan = True
                self._rounds.clear()
                self.notes.append(Message("llm.no_tools", {"model": model}))
            case "image" if self.image is not None:
                self.image = None
                self.notes.append(Message("llm.photo_refused", {"model": model}))
            case "schema" if self._schema:
                self._schema = False
            case "context" if self._budget > 0:
                self._budget = self._budget // 4 if self._budget > 200 else 0
            case _:
                return False
        return True

    def _messages(self) -> list[Chat]:
        earlier, left_out = history.within(self._turns, self._budget)
        request = prompts.request(self._card, replace(self._facts, left_out=left_out), self._text)
        system = prompts.prompt(prompts.PRINCIPLE)
        if self.by_plan:
            system = f"{system}\n\n{prompts.prompt(prompts.PLAN)}\n{_tools_in_words()}"
        content: Any = request
        if self.image is not None:
            content = [{"type": "text", "text": request}, {"type": "image_url", "image_url": {"url": self.image}}]
        return [{"role": "system", "content": system}, *earlier, {"role": "user", "content": content}, *self._rounds]

    def _show(self, text: str) -> None:
        self._on_text(_spoken(text))

    # reading

    def _answer(self, reply: Reply) -> Answer | None:
        """What a reply means; None: it was not valid, the model knows, and is asked again."""
        text = _spoken(reply.text)
        if reply.problem is not None:
            return Answer("" if self.by_plan else text, problem=reply.problem)
        if reply.calls:
            return self._read_calls(text, reply.calls)
        # Models without tool calling write a plan, or a call, as text.
        if (found := _json_in(text)) is not None and (self.by_plan or "steps" in found or "tool" in found):
            return self._read_plan(text, found)
        if (called := _call_in(found)) is not None:
            return self._read_calls("", (called,))
        if self.by_plan and self._malformed == 0 and _json_in(text) is None and "{" in text:
            return self._ask_again(text, "This is not valid JSON. Answer with the JSON object alone.")
        if not text:
            return Answer(problem=Message("llm.empty"))
        return Answer(text)

    def _read_calls(self, text: str, calls: Sequence[FunctionCall]) -> Answer | None:
        self._rounds.append(
            {
                "role": "assistant",
                "content": text,
                "tool_calls": [
                    {
                        "id": c.id,
                        "type": "function",
                        "function": {"name": c.name, "arguments": _valid_json(c.arguments)},
                    }
                    for c in calls[:MAX_CALLS]
                ],
            }
        )
        asked: list[Asked] = []
        for call in calls[:MAX_CALLS]:
            try:
                asked.append(Asked(call.id, plan.from_function(call.name, call.arguments)))
            except UserError as e:
                self._report(call.id, f"Error: {e} Use only the tools and arguments that are declared.")
        if not asked:
            self._malformed += 1
            return None if self._malformed < MAX_MALFORMED else Answer(text, problem=Message("llm.malformed"))
        self._malformed = 0
        return Answer(text, tuple(asked), final=False)

    def _read_plan(self, text: str, found: Mapping[str, Any]) -> Answer | None:
        stored = found if "steps" in found else {"steps": [found]}
        try:
            read = plan.plan_from_json(_plain(stored))
        except UserError as e:
            return self._ask_again(text, f"Error: {e} Answer again with a valid JSON object.")
        if len(read.steps) > MAX_CALLS:
            return Answer(problem=Message("llm.malformed_plan"))
        question = None if read.question is None else english(read.question).strip() or None
        asked = () if question else tuple(Asked(f"step_{k}", step) for k, step in enumerate(read.steps))
        if not asked and not question and not english(read.reply).strip():
            return Answer(problem=Message("llm.empty"))
        return Answer(english(read.reply).strip(), asked, question)

    def _ask_again(self, text: str, error: str) -> Answer | None:
        self._malformed += 1
        if self._malformed >= MAX_MALFORMED:
            return Answer(problem=Message("llm.malformed_plan"))
        self._rounds += [{"role": "assistant", "content": text}, {"role": "user", "content": error}]
        return None


def _spoken(text: str) -> str:
    """What a model says, without what some of them think aloud before it."""
    return _THOUGHT.sub("", text).strip()


def _valid_json(arguments: str) -> str:
    """The arguments if they are a JSON object, otherwise an empty one: servers refuse others in the history."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def _json_in(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, alone or in a code block."""
    fenced = _FENCE.search(text)
    candidate = fenced[1] if fenced else text
    if not candidate.startswith("{"):
        return None
    try:
        found = json.loads(candidate)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _call_in(found: Mapping[str, Any] | None) -> FunctionCall | None:
    """The call that some models write as text: {"name": "restore", "arguments": {…}}."""
    if found is None or found.get("name") not in plan.TOOLS:
        return None
    arguments = found.get("arguments", found.get("parameters"))
    return FunctionCall("call_0", found["name"], json.dumps(arguments)) if isinstance(arguments, dict) else None


def _plain(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A plan with the regions that models write as plain strings."""
    steps = stored.get("steps")
    if not isinstance(steps, list):
        return dict(stored)
    return {**stored, "steps": [_with_region(step) for step in steps], "reply": stored.get("reply") or ""}


def _with_region(step: Any) -> Any:
    region = step.get("region") if isinstance(step, dict) else None
    if not isinstance(region, str):
        return step
    return {**step, "region": {"kind": "text", "text": region} if region.strip() else None}


def _plan_schema() -> dict[str, Any]:
    """The form of a plan as a JSON schema."""
    steps: list[dict[str, Any]] = []
    for entry in plan.functions():
        function = entry["function"]
        parameters = function["parameters"]
        properties = {"tool": {"const": function["name"]}, **parameters["properties"]}
        required = ["tool", *parameters.get("required", ())]
        steps.append({"type": "object", "properties": properties, "required": required, "additionalProperties": False})
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "steps": {"type": "array", "items": {"anyOf": steps}},
            "question": {"anyOf": [text, {"type": "null"}]},
            "reply": text,
        },
        "required": ["steps", "question", "reply"],
        "additionalProperties": False,
    }


def _tools_in_words() -> str:
    """The tools for a server that gets them as text."""
    lines: list[str] = []
    for entry in plan.functions():
        function = entry["function"]
        arguments = json.dumps(function["parameters"]["properties"], ensure_ascii=False)
        lines.append(f"- {function['name']}: {function['description']} Arguments: {arguments}")
    return "\n".join(lines)
