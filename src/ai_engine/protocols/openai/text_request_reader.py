"""Read a request of OpenAI's older completions (its API reference, "Create completion") as a chat.

Models of today are asked in chats alone: the prompt is what a user says.
"""

from __future__ import annotations

from typing import Any, Final

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.messages import CanonicalMessage, TextPart
from ai_engine.protocols.canonical.request import CanonicalRequest
from ai_engine.protocols.openai.chat_request_reader import finished, read_sampling

__all__ = ["prompt_of", "read_text_request"]

NOT_CARRIED: Final = {
    "suffix": "has no place in a chat, as which models are asked: write it into the prompt",
    "echo": "is not offered: the prompt is the client's own",
    "logprobs": "is not offered here: ask for it in a chat completion",
}
"""Fields that ask for what an answer of a chat has not."""


def prompt_of(fields: FieldReader) -> str:
    """Read the prompt, which may stand in a list by itself.

    :raises InvalidRequest: when there are several, or they are tokens.
    """
    prompt = fields.any("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise fields.wrong("prompt", "must be a single text and no tokens: send each text in its own request")
    return prompt


def read_text_request(body: Any) -> CanonicalRequest:
    """Read a request.

    :raises InvalidRequest: naming the field that is wrong.
    """
    fields = FieldReader(body)
    for name, reason in NOT_CARRIED.items():
        if fields.any(name) not in (None, False, "", 0):
            raise fields.wrong(name, reason)
    for name in ("n", "best_of"):
        if fields.integer(name, 1) not in (None, 1):
            raise fields.wrong(name, "has to be 1: there is one answer")
    if fields.any("logit_bias"):
        fields.note(Feature.LOGIT_BIAS, "logit_bias")
    options = fields.object("stream_options")
    if options is not None:
        options.ignore("include_obfuscation")
    request = CanonicalRequest(
        model=fields.required_text("model"),
        messages=(CanonicalMessage("user", (TextPart(prompt_of(fields)),)),),
        sampling=read_sampling(fields),
        user=fields.text("user"),
        stream=bool(fields.flag("stream")),
        includes_usage=options is not None and bool(options.flag("include_usage")),
        drop_params=bool(fields.flag("drop_params")),
    )
    return finished(request, fields)
