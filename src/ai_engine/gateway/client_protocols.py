"""The protocols of clients, as the gateway translates them."""

from __future__ import annotations

from typing import Any, Final

from ai_engine.gateway.translated import ClientProtocol
from ai_engine.protocols.anthropic.message_answer import MessageAnswerWriter, message_answer
from ai_engine.protocols.anthropic.message_request_reader import read_message_request
from ai_engine.protocols.canonical.answer import AnswerWriter, CanonicalAnswer
from ai_engine.protocols.canonical.request import CanonicalRequest
from ai_engine.protocols.gemini.generate_answer import GenerateAnswerWriter, generate_answer
from ai_engine.protocols.gemini.generate_request_reader import read_generate_request
from ai_engine.protocols.openai.chat_answer import ChatAnswerWriter, chat_completion
from ai_engine.protocols.openai.chat_request_reader import read_chat_request
from ai_engine.protocols.openai.text_answer import TextAnswerWriter, text_completion
from ai_engine.protocols.openai.text_request_reader import read_text_request
from ai_engine.protocols.responses.response_answer import ResponseAnswerWriter, response_answer
from ai_engine.protocols.responses.response_request_reader import read_response_request

__all__ = ["CHAT_PROTOCOL", "GENERATE_PROTOCOL", "MESSAGES_PROTOCOL", "RESPONSES_PROTOCOL", "TEXT_PROTOCOL"]


def _chat_writer(request: CanonicalRequest, answer_id: str, _input_tokens: int) -> AnswerWriter:
    return ChatAnswerWriter(request.model, answer_id, includes_usage=request.includes_usage)


def _completion(answer: CanonicalAnswer, request: CanonicalRequest, answer_id: str) -> dict[str, Any]:
    return chat_completion(answer, request.model, answer_id)


def _text_writer(request: CanonicalRequest, answer_id: str, _input_tokens: int) -> AnswerWriter:
    return TextAnswerWriter(request.model, answer_id, includes_usage=request.includes_usage)


def _text(answer: CanonicalAnswer, request: CanonicalRequest, answer_id: str) -> dict[str, Any]:
    return text_completion(answer, request.model, answer_id)


def _message_writer(request: CanonicalRequest, answer_id: str, input_tokens: int) -> AnswerWriter:
    return MessageAnswerWriter(request.model, answer_id, input_tokens)


def _message(answer: CanonicalAnswer, request: CanonicalRequest, answer_id: str) -> dict[str, Any]:
    return message_answer(answer, request.model, answer_id)


def _generate_writer(request: CanonicalRequest, answer_id: str, _input_tokens: int) -> AnswerWriter:
    return GenerateAnswerWriter(request.model, answer_id, shows_thoughts=request.reasoning.is_shown)


def _response_writer(request: CanonicalRequest, answer_id: str, _input_tokens: int) -> AnswerWriter:
    return ResponseAnswerWriter(request, answer_id)


def _generated(answer: CanonicalAnswer, request: CanonicalRequest, answer_id: str) -> dict[str, Any]:
    return generate_answer(answer, request.model, answer_id, shows_thoughts=request.reasoning.is_shown)


CHAT_PROTOCOL: Final = ClientProtocol("chatcmpl-", read_chat_request, _completion, _chat_writer)
GENERATE_PROTOCOL: Final = ClientProtocol("", read_generate_request, _generated, _generate_writer)
MESSAGES_PROTOCOL: Final = ClientProtocol("msg_", read_message_request, _message, _message_writer)
RESPONSES_PROTOCOL: Final = ClientProtocol("resp_", read_response_request, response_answer, _response_writer)
TEXT_PROTOCOL: Final = ClientProtocol("cmpl-", read_text_request, _text, _text_writer)
