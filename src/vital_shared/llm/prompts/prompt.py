"""Make of a request the chat that is sent, within the model's context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from vital_shared.llm.base import ModelRequest, ModelTurn, ToolExchange
from vital_shared.llm.prompts.counting import Count, WordPieces
from vital_shared.llm.prompts.fence import clean, nonce_for
from vital_shared.llm.prompts.texts import ANSWER, CHAT, OWN, TOOLS, system_text
from vital_shared.llm.wires.base import Chat, SystemTurn, ToolOutput, ToolTurn, Turn, UserTurn
from vital_shared.models.citation import Passage
from vital_shared.models.message import LlmMessage, Message
from vital_shared.models.tool import ToolResult

__all__ = ["Prompt", "Prompts"]

CONTEXT_TOKENS: Final = 16_000
"""Tokens of a prompt where the model's own limit is not configured."""

ANSWER_TOKENS: Final = 1_024
"""Kept free for the answer, where no limit is asked for."""

HISTORY_SHARE: Final = 1 / 3
"""The share of the prompt that the conversation so far may take, at most."""

QUICK_CHARACTERS: Final = 1_500

CUT: Final = "\n… (cut)"


class Prompt(NamedTuple):
    """A request, ready to be sent."""

    id: str
    """Name and version, such as ``answer@1``."""
    chat: Chat
    input_tokens: int
    """By our count."""


class Prompts:
    """The prompts of one model, rendered from requests.

    :param count: counts tokens; called off the event loop, but for short texts.
    :param context_tokens: tokens of prompt and answer together.
    :param bound: counts the tokens that a text has at most, where it has to fit; None: `count`.
    """

    def __init__(
        self, count: Count, context_tokens: int = CONTEXT_TOKENS, *, bound: Count | None = None
    ) -> None:
        self.count = count
        self._bound = bound or count
        self._context_tokens = context_tokens

    def is_quick(self, request: ModelRequest) -> bool:
        """Return whether `render` takes no longer than the half millisecond to a thread and back."""
        if request.passages or request.tool_results or request.exchanges or request.tools:
            return False
        texts = [request.question, request.instructions, *(message.content for message in request.history)]
        texts += [message.content for message in (*request.messages, *request.corrections)]
        is_ready = not isinstance(self.count, WordPieces) or self.count.is_loaded
        return is_ready and sum(map(len, texts)) <= QUICK_CHARACTERS

    def render(self, request: ModelRequest) -> Prompt:
        """Write the prompt.

        What has to be there is: the rules, the question, and the rounds of a tool loop. Then the tools'
        results, the passages from the best on, and the history from the latest on, as far as they fit.
        """
        if request.task == "own":
            return self._own(request)
        name = TOOLS if request.task == "tools" else ANSWER if request.grounded else CHAT
        system = system_text(name, request.instructions)
        rounds, question = _rounds(request), f"Question: {request.question}"
        definitions = "".join(str(tool.model_dump()) for tool in request.tools)
        left = self._context_tokens - (request.max_output_tokens or ANSWER_TOKENS)
        left -= self._bound(system) + self._bound(question) + _tokens(rounds, self._bound)
        left -= self._bound(definitions)
        material, used = self._material(request, left)
        history = self._history(request.history, min(left - used, int(left * HISTORY_SHARE)))
        asked = UserTurn(text="\n\n".join([*material, question]))
        chat = Chat(
            system=system,
            turns=(*history, asked, *rounds),
            tools=request.tools,
            may_call=request.may_call,
            response_schema=request.response_schema,
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature,
        )
        sent = self.count(system) + self.count(definitions) + _tokens(chat.turns, self.count)
        return Prompt(name, chat, sent)

    def _own(self, request: ModelRequest) -> Prompt:
        """Write the caller's own conversation: nothing is put before, behind or between, and nothing cut."""
        turns = (
            *map(_own_turn, request.messages),
            *_own_rounds(request),
            *map(_own_turn, request.corrections),
        )
        chat = Chat.model_construct(
            turns=turns,
            tools=request.tools,
            may_call=request.may_call,
            response_schema=request.response_schema,
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature,
        )
        definitions = "".join(str(tool.model_dump()) for tool in request.tools)
        schema = "" if request.response_schema is None else str(request.response_schema)
        return Prompt(OWN, chat, self.count(definitions + schema) + _tokens(turns, self.count))

    def _material(self, request: ModelRequest, left: int) -> tuple[list[str], int]:
        """Write tool results and passages; returns them, and the tokens that they take."""
        nonce = nonce_for([*_texts(request.passages, request.tool_results), request.question])
        number, used, written = len(request.passages) + 1, 0, []
        results = []
        for result in request.tool_results:
            results.append(_result(result, number, nonce))
            number += len(result.passages)
        sources = [_source(n, passage, nonce) for n, passage in enumerate(request.passages, start=1)]
        for text in (*results, *sources):
            fits = self._cut(text, left - used)
            if fits is None:
                continue
            written.append(fits)
            used += self._bound(fits)
        return written, used

    def _cut(self, text: str, tokens: int) -> str | None:
        """Shorten a text to `tokens` tokens, and mark the cut; None where no useful part would be left."""
        have = self._bound(text)
        if have <= tokens:
            return text
        end = text[text.rindex("\n</") :]
        share = (tokens - self._bound(CUT + end)) / have
        while share > 0.2:
            cut = text[: int(len(text) * share)] + CUT + end
            if self._bound(cut) <= tokens:
                return cut
            share -= 0.1
        return None

    def _history(self, history: Sequence[Message], left: int) -> list[Turn]:
        """Take whole exchanges, the latest first, as far as they fit."""
        turns: list[Turn] = []
        for message in reversed(history):
            left -= self._bound(message.content)
            if left < 0:
                break
            is_user = message.role == "user"
            turns.insert(0, UserTurn(text=message.content) if is_user else ModelTurn(text=message.content))
        while turns and not isinstance(turns[0], UserTurn):  # no provider lets a model speak first
            turns.pop(0)
        return turns


def _tokens(turns: Iterable[Turn], count: Count) -> int:
    return sum(count(text) for turn in turns for text in _turn_texts(turn))


def _turn_texts(turn: Turn) -> Iterator[str]:
    if isinstance(turn, UserTurn | SystemTurn):
        yield turn.text
    elif isinstance(turn, ToolTurn):
        yield from (output.text for output in turn.outputs)
    else:
        yield turn.text
        yield from (str(call.arguments) for call in turn.calls)


def _own_turn(message: LlmMessage) -> Turn:
    if message.role == "assistant":
        return ModelTurn(text=message.content)
    turn = SystemTurn if message.role == "system" else UserTurn
    return turn(text=message.content)


def _own_rounds(request: ModelRequest) -> Iterator[Turn]:
    """Write the rounds of a tool loop as they were: the tools' results are not fenced in or numbered."""
    for exchange in request.exchanges:
        yield exchange.turn
        yield ToolTurn(
            outputs=tuple(
                ToolOutput(
                    id=result.id, name=result.name, text=_said(result), failed=result.status != "success"
                )
                for result in exchange.results
            )
        )


def _rounds(request: ModelRequest) -> list[Turn]:
    """Write the rounds so far of a tool loop; what they found is numbered on."""
    number = len(request.passages) + 1 + sum(len(result.passages) for result in request.tool_results)
    turns: list[Turn] = []
    for exchange in request.exchanges:
        turns += [exchange.turn, ToolTurn(outputs=_outputs(exchange, number))]
        number += sum(len(result.passages) for result in exchange.results)
    return turns


def _outputs(exchange: ToolExchange, number: int) -> tuple[ToolOutput, ...]:
    outputs = []
    for result in exchange.results:
        nonce = nonce_for(_texts((), (result,)))
        failed = result.status != "success"
        outputs.append(
            ToolOutput(id=result.id, name=result.name, text=_result(result, number, nonce), failed=failed)
        )
        number += len(result.passages)
    return tuple(outputs)


def _texts(passages: Iterable[Passage], results: Iterable[ToolResult]) -> Iterator[str]:
    """Give all that others have written, titles and errors too."""
    for result in results:
        yield from (result.content, result.error or "")
        yield from _texts(result.passages, ())
    for passage in passages:
        yield from (passage.title, passage.section, passage.text)


def _result(result: ToolResult, number: int, nonce: str) -> str:
    sources = [_source(n, passage, nonce) for n, passage in enumerate(result.passages, start=number)]
    head = f'<result-{nonce} tool="{result.name}">'
    return "\n".join([head, clean(_said(result)), *sources, f"</result-{nonce}>"])


def _said(result: ToolResult) -> str:
    return result.content if result.status == "success" else f"{result.status}: {result.error or ''}"


def _source(number: int, passage: Passage, nonce: str) -> str:
    title = " — ".join(part for part in (passage.title, passage.section) if part)
    head = f"<source-{nonce}>\n[{number}] {clean(' '.join(title.split()))}"
    return f"{head}\n{clean(passage.text.strip())}\n</source-{nonce}>"
