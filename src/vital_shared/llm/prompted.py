"""A model behind a provider: its prompt goes out, and what comes back has its citations resolved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from vital_shared.llm.base import (
    MAX_CALL_TOKENS,
    CallStarted,
    ModelEvent,
    ModelRequest,
    ModelTurn,
    ReasoningDelta,
    Stop,
    TextDelta,
    TextWithdrawn,
    Usage,
)
from vital_shared.llm.citing import Citer
from vital_shared.llm.groundedness import abstains
from vital_shared.llm.prompts.counting import count_roughly
from vital_shared.llm.prompts.prompt import Prompt, Prompts
from vital_shared.llm.tool_arguments import arguments_text
from vital_shared.llm.usage_warnings import warn_of_corrected_usage
from vital_shared.llm.wires.base import Chat
from vital_shared.models.call_parameters import CallParameters, read_parameters

__all__ = ["PromptedModel"]

PIECE_CHARACTERS: Final = 2_048
"""A larger piece of text is worked on in several steps."""

NO_ARGUMENTS: Final[Mapping[str, Any]] = {}


class PromptedModel:
    """A model that answers through a provider.

    :param name: ``provider:model``.
    :param stream: sends a chat, and streams the answer.
    :param prompts: writes the chats.
    :param calls_tools: whether the model knows how to ask for tools.
    :param max_output_tokens: the limit of output for requests without one.
    :param temperature: the temperature for requests without one; None: the provider's.
    :param options: more fields of the provider's own request.
    :param server: the host and the port of the provider; None: the model runs in this process.
    """

    def __init__(
        self,
        name: str,
        stream: Callable[[Chat], AsyncGenerator[ModelEvent, None]],
        *,
        prompts: Prompts,
        calls_tools: bool = True,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        options: Mapping[str, Any] = NO_ARGUMENTS,
        server: tuple[str, int] | None = None,
    ) -> None:
        self.name = name
        self.calls_tools = calls_tools
        self._stream = stream
        self._prompts = prompts
        self._max_output_tokens = max_output_tokens
        self._temperature = temperature
        self._options = options
        address, port = server or (None, None)
        self._parameters = read_parameters(options, server_address=address, server_port=port)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer.

        :raises ModelError: when there is no answer, or no whole one.
        """
        prompt = await self._rendered(self._with_defaults(request))
        yield CallStarted(
            prompt=prompt.id,
            input_tokens=prompt.input_tokens,
            max_output_tokens=prompt.chat.max_output_tokens,
            parameters=self._sent(prompt.chat),
        )
        chat = prompt.chat.model_copy(update={"options": self._options, "content": request.content})
        answer = _Answer(request)
        async with aclosing(self._stream(chat)) as events:
            async for event in events:
                if type(event) is TextDelta:
                    if len(event.text) <= PIECE_CHARACTERS:
                        for part in answer.text(event):
                            yield part
                        continue
                    for piece in _pieces(event):
                        for part in answer.text(piece):
                            yield part
                        await asyncio.sleep(0)  # it takes a while: others get their turn
                elif isinstance(event, Stop):
                    for part in answer.stop(event):
                        yield part
                else:
                    answer.note(event)
                    yield event
        for event in await self._ended(answer, prompt):
            yield event

    async def _ended(self, answer: _Answer, prompt: Prompt) -> list[ModelEvent]:
        """Return the last events: a count of the tokens where the provider's is not whole, and the stop."""
        if answer.usage is not None and answer.usage.corrected:
            warn_of_corrected_usage(self.name, answer.usage)
        ended: list[ModelEvent] = []
        if not answer.is_counted:
            ended.append(await asyncio.to_thread(self._completed, answer, prompt))
        if answer.stopped is not None:
            ended.append(answer.stopped)
        return ended

    def _completed(self, answer: _Answer, prompt: Prompt) -> Usage:
        """Return the usage with our own count for each that the provider left out, or gave as zero."""
        usage = answer.usage or Usage()
        return usage.model_copy(
            update={
                "input_tokens": usage.input_tokens or min(prompt.input_tokens, MAX_CALL_TOKENS),
                "output_tokens": usage.output_tokens
                or min(count_roughly(self._prompts.count, answer.written), MAX_CALL_TOKENS),
                "estimated": True,
            }
        )

    def _sent(self, chat: Chat) -> CallParameters:
        """Return the settings of a call: the configuration's own fields go before the request's."""
        fixed = self._parameters
        return fixed._replace(
            max_tokens=fixed.max_tokens or chat.max_output_tokens,
            temperature=chat.temperature if fixed.temperature is None else fixed.temperature,
            output_type="json" if chat.response_schema is not None else fixed.output_type,
        )

    async def _rendered(self, request: ModelRequest) -> Prompt:
        if self._prompts.is_quick(request):
            return self._prompts.render(request)
        return await asyncio.to_thread(self._prompts.render, request)

    def _with_defaults(self, request: ModelRequest) -> ModelRequest:
        return request.model_copy(
            update={
                "max_output_tokens": request.max_output_tokens or self._max_output_tokens,
                "temperature": self._temperature if request.temperature is None else request.temperature,
                "tools": request.tools if self.calls_tools else (),
            }
        )


def _pieces(event: TextDelta) -> Iterator[TextDelta]:
    """Cut a large piece of text into several."""
    for begin in range(0, len(event.text), PIECE_CHARACTERS):
        yield TextDelta(text=event.text[begin : begin + PIECE_CHARACTERS])


class _Answer:
    """The state of one answer."""

    def __init__(self, request: ModelRequest) -> None:
        self.usage: Usage | None = None
        self.stopped: Stop | None = None
        self._request = request
        self._citer = self._new_citer()
        self._texts: list[str] = []
        self._reasoning: list[str] = []

    @property
    def written(self) -> str:
        """All that the model wrote."""
        return "".join((*self._reasoning, *self._texts))

    @property
    def is_counted(self) -> bool:
        """Whether the provider has counted what was read, and what was written if anything was."""
        usage = self.usage
        return usage is not None and usage.input_tokens > 0 and (usage.output_tokens > 0 or not self.written)

    def text(self, event: TextDelta) -> Iterable[ModelEvent]:
        """Resolve the citations of a piece of text."""
        self._texts.append(event.text)
        if self._request.task == "tools":  # what it says to that is for nobody
            return ()
        return (event,) if self._citer is None else self._citer.feed(event.text)

    def stop(self, event: Stop) -> Iterable[ModelEvent]:
        """Return the rest of the text; an answer that only says that it knows none is marked as such."""
        self.stopped = event
        if self._citer is None:
            return ()
        left = tuple(self._citer.end())
        if event.reason == "end" and not self._citer.cited and abstains("".join(self._texts)):
            self.stopped = event.model_copy(update={"reason": "no_answer"})
        return left

    def _new_citer(self) -> Citer | None:
        request = self._request
        return Citer(request.sources) if request.task == "answer" and request.grounded else None

    def note(self, event: ModelEvent) -> None:
        """Keep what the account needs."""
        if isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, ReasoningDelta):
            self._reasoning.append(event.text)
        elif isinstance(event, TextWithdrawn):
            self._reasoning += self._texts
            self._texts = []
            self._citer = self._new_citer()
        elif isinstance(event, ModelTurn):
            self._texts += [arguments_text(call.arguments) for call in event.calls]
