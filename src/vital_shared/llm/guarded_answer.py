"""An answer in its provider's own words on its way through the guardrails.

Texts are held back as in all streams: nothing is passed on that could still be refused, or is the beginning
of a placeholder. What cannot be read is refused where a guardrail looks at answers.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

import orjson

from vital_shared.guardrails.answer_stream import AnswerStream
from vital_shared.guardrails.base import GuardedCall, GuardRefused
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.call_content import CallContent
from vital_shared.llm.guardrail_streams import refusals_as_model_errors
from vital_shared.llm.relayed_texts import READERS, AnswerTexts, Key, TextSlot, UnreadableAnswer
from vital_shared.llm.texts_within import ALL_FIELDS, replace_texts, texts_within

__all__ = ["GuardedAnswer"]

DONE: Final = b"[DONE]"


THOUGHTS: Final = frozenset({"reasoning", "reasoning_content", "thinking"})
"""Names of texts that are no part of an answer."""


class GuardedAnswer:
    """The events of one answer.

    :param protocol: the provider's wire.
    :param mask: the mask of what was sent; None: nothing was masked.
    :param take: takes the data of the events that may be passed on.
    """

    def __init__(
        self,
        guardrails: Guardrails,
        call: GuardedCall,
        mask: Mask | None,
        protocol: str,
        take: Callable[[bytes], None],
    ) -> None:
        self.is_strict = guardrails.judges_answers
        """Whether a guardrail looks at the answer, so that what it cannot read is refused."""
        self.has_passed = False
        """Whether something was passed on."""
        self._guardrails = guardrails
        self._call = call
        self._mask = mask
        self._read = READERS.get(protocol)
        self._take = take
        self._waiting: list[bytes] = []
        self._streams: dict[Key, AnswerStream] = {}
        self._open: dict[Key, TextSlot] = {}
        self._allowed: dict[Key, list[str]] | None = None
        """The texts that were passed on; None: nobody wants them."""

    def note_in(self, content: CallContent) -> None:
        """Let the content of the call have the mask, and the texts that guardrails have allowed."""
        content.mask = self._mask
        if self.is_strict:
            self._allowed = {}
            content.judged_answer = self._allowed_text

    def _allowed_text(self) -> str:
        texts = (self._allowed or {}).values()
        return "\n\n".join(filter(None, map("".join, texts)))

    def _allow(self, slot: TextSlot, text: str) -> None:
        if self._allowed is not None and THOUGHTS.isdisjoint((slot.name, slot.key[-1])):
            self._allowed.setdefault(slot.key, []).append(text)

    def take(self, data: bytes) -> None:
        """Take the data of an event, which wait for `judge` where a guardrail looks at the answer."""
        if self.is_strict:
            self._waiting.append(data)
        else:
            _finish(self._pass(data))

    async def judge(self) -> None:
        """Pass on what may be passed on of what has come.

        :raises ModelHeldBack: when a guardrail refuses, or cannot read it.
        """
        waiting, self._waiting = self._waiting, []
        with refusals_as_model_errors(self._call.name):
            for data in waiting:
                await self._pass(data)

    async def end(self) -> None:
        """Pass on the rest.

        :raises ModelHeldBack: when a guardrail refuses.
        """
        await self.judge()
        with refusals_as_model_errors(self._call.name):
            await self._flush(lambda _: True)

    async def _pass(self, data: bytes) -> None:
        if data.strip() == DONE:
            await self._flush(lambda _: True)
            self._put(data)
            return
        event = _object(data)
        if event is None or self._read is None:
            if self.is_strict:
                raise self._unreadable()
            self._put(self._restored(data))
            return
        try:
            found = self._read(event, is_strict=self.is_strict)
        except UnreadableAnswer as error:
            raise self._unreadable() from error
        await self._pass_event(found)
        written = found.event if self._mask is None else self._mask.restore_values(found.event)
        self._put(data if written == _object(data) else orjson.dumps(written))

    async def _pass_event(self, found: AnswerTexts) -> None:
        """Put into an event what may be passed on by now, behind the rest of the texts that it ends."""
        keys = {slot.key for slot in found.slots}
        begun = {slot.key[0] for slot in found.slots if slot.holder[slot.name]}
        await self._flush(lambda key: key not in keys and (key[0] in found.ended or key[0] in begun))
        for slot in found.slots:
            stream = self._streams.get(slot.key)
            if stream is None:
                stream = self._streams[slot.key] = AnswerStream(self._guardrails, self._call, self._mask)
            text = await stream.feed(slot.holder[slot.name])
            self._open[slot.key] = slot
            if slot.key[0] in found.ended:
                text += await stream.end()
                del self._open[slot.key]
            slot.holder[slot.name] = text
            self._allow(slot, text)
        for holder, name in found.wholes:
            holder[name] = await self._whole(holder[name])

    async def _whole(self, value: Any) -> Any:
        """Return a value that came whole, as it may be passed on."""
        texts = tuple(texts_within(value, ALL_FIELDS))
        if not self.is_strict or not texts:
            return value
        self._guardrails.check_length(self._call, sum(map(len, texts)))
        judged = await self._guardrails.after(self._call, texts)
        return replace_texts(value, iter(judged), ALL_FIELDS)

    async def _flush(self, is_ended: Callable[[Key], bool]) -> None:
        """Pass on the rest of some texts, each in an event of its own."""
        for key in [key for key in self._open if is_ended(key)]:
            slot = self._open.pop(key)
            if rest := await self._streams[key].end():
                self._allow(slot, rest)
                self._put(orjson.dumps(slot.template(rest)))

    def _put(self, data: bytes) -> None:
        self.has_passed = True
        self._take(data)

    def _restored(self, data: bytes) -> bytes:
        if self._mask is None:
            return data
        text = data.decode("utf-8", "surrogateescape")
        return self._mask.restore(text).encode("utf-8", "surrogateescape")

    def _unreadable(self) -> GuardRefused:
        message = f'The guardrails for answers cannot read what "{self._call.name}" wrote.'
        return GuardRefused(message, guard="pattern", kind="failed")


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def _finish(steps: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing: where no guardrail looks at the answer, none is asked."""
    try:
        steps.send(None)
    except StopIteration:
        return
    steps.close()
    raise RuntimeError("a guardrail was asked within an event")
