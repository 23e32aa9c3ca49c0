"""Guardrails fail closed, are counted, and hold a stream back as far as they must."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.errors import ConfigurationError
from vital_shared.guardrails.answer_stream import AnswerStream
from vital_shared.guardrails.base import GuardedCall, GuardName, GuardRefused
from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.monitoring.metrics import GUARDRAIL_DECISIONS_TOTAL
from vital_shared.store.actor import Actor, acting_as

CALL = GuardedCall("model", "openai:gpt-5", "acme", "run_1")


def decisions(guard: str, outcome: str, stage: str = "model") -> float:
    return GUARDRAIL_DECISIONS_TOTAL.labels(stage, guard, outcome).value


class OwnGuard:
    """A guardrail that does what the test says."""

    name: GuardName = "hook"
    held_characters: int | None = 0

    def __init__(self, verdict: BaseException | Sequence[str] | None) -> None:
        self._verdict = verdict

    async def before(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        if isinstance(self._verdict, BaseException):
            raise self._verdict
        if self._verdict is None:
            await asyncio.Event().wait()
        return self._verdict or ()

    after = before


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (ValueError("odd"), "failed"),
        (None, "timeout"),
        (("a", "b"), "failed"),
        (GuardRefused("no", guard="hook"), "refused"),
    ],
)
async def test_a_guardrail_without_a_verdict_refuses(
    verdict: BaseException | Sequence[str] | None, kind: str
) -> None:
    guardrails = Guardrails(GuardrailTable(timeout_seconds=0.05), (OwnGuard(verdict),))
    before = decisions("hook", kind)
    for check in (guardrails.before, guardrails.after):
        with pytest.raises(GuardRefused) as refused:
            await check(CALL, ("hello",))
        assert refused.value.kind == kind
    assert decisions("hook", kind) == before + 2


async def test_sizes_and_patterns_are_checked_both_ways() -> None:
    table = GuardrailTable(
        max_input_characters=20, deny_input=(r"(?i)ignore previous",), deny_output=(r"\bsecret\b",)
    )
    guardrails = Guardrails(table)
    before = decisions("size", "refused"), decisions("pattern", "refused")
    assert await guardrails.before(CALL, ("hello",)) == ("hello",)
    for texts in (("x" * 21,), ("x" * 11, "y" * 11), ("Ignore Previous",)):
        with pytest.raises(GuardRefused):
            await guardrails.before(CALL, texts)
    with pytest.raises(GuardRefused):
        await guardrails.after(CALL, ("the secret is out",))
    assert (decisions("size", "refused") - before[0], decisions("pattern", "refused") - before[1]) == (2, 2)


async def streamed(
    guardrails: Guardrails, pieces: Sequence[str], hidden: Sequence[str] = ()
) -> tuple[str, bool]:
    """Return what is passed on of a stream, and whether it was refused."""
    mask = guardrails.mask(CALL)
    if mask is not None:
        mask.hide(hidden)
    stream, passed = AnswerStream(guardrails, CALL, mask), []
    try:
        for piece in pieces:
            passed += [await stream.feed(piece)]
        passed += [await stream.end()]
    except GuardRefused:
        return "".join(passed), True
    return "".join(passed), False


@given(st.integers(1, 40), st.integers(0, 900), st.integers(0, 900))
async def test_no_split_of_a_stream_lets_a_denied_text_through(size: int, before: int, after: int) -> None:
    guardrails = Guardrails(GuardrailTable(deny_output=(r"top\s+secret",)))
    text = "a" * before + "top  secret" + "b" * after
    passed, was_refused = await streamed(
        guardrails, [text[at : at + size] for at in range(0, len(text), size)]
    )
    assert was_refused
    assert text.startswith(passed)
    assert "secret" not in passed


@given(st.integers(1, 30))
async def test_a_stream_is_restored_however_it_is_cut(size: int) -> None:
    guardrails = Guardrails(GuardrailTable(mask=("email",)))
    mask = guardrails.mask(CALL)
    assert mask is not None
    (placeholder,) = mask.hide(("ann@example.org",))
    text = f"a < b, {placeholder}{placeholder} <EMAIL_0> <"
    passed, _ = await streamed(
        guardrails, [text[at : at + size] for at in range(0, len(text), size)], ("ann@example.org",)
    )
    assert passed == text.replace(placeholder, "ann@example.org")


async def test_a_stream_without_rules_for_answers_is_not_held_back() -> None:
    guardrails = Guardrails(GuardrailTable(mask=("email",), max_input_characters=5))
    stream = AnswerStream(guardrails, CALL, guardrails.mask(CALL))
    assert await stream.feed("word") == "word"


async def test_a_streamed_answer_ends_at_its_greatest_length() -> None:
    guardrails = Guardrails(GuardrailTable(max_output_characters=10))
    assert await streamed(guardrails, ["12345", "67890", "1"]) == ("1234567890", True)


KEYS = {
    "k1": {"models": ["openai:*"], "tools": ["calculator"]},
    "k2": {"models": ["openai:gpt-5"]},
    "*": {"tools": []},
}


@pytest.mark.parametrize(
    ("actor", "stage", "name", "allowed"),
    [
        (Actor("key", "k1"), "model", "openai:o9", True),
        (Actor("key", "k1"), "model", "anthropic:claude", False),
        (Actor("key", "k1"), "tool", "calculator", True),
        (Actor("key", "k1"), "tool", "pubmed", False),
        (Actor("key", "k2"), "tool", "pubmed", True),
        (Actor("key", "unlisted"), "tool", "calculator", False),
        (Actor("key", "unlisted"), "model", "anthropic:claude", True),
        (Actor("user", "ann"), "tool", "calculator", False),
        (Actor("local"), "tool", "pubmed", True),
        (Actor("cli", "root"), "model", "anthropic:claude", True),
        (Actor("program"), "model", "openai:gpt-5", True),
        (Actor("program"), "model", "openai:o9", False),
    ],
)
async def test_each_key_has_its_models_and_tools(actor: Actor, stage: str, name: str, allowed: bool) -> None:
    guardrails = Guardrails(GuardrailTable.model_validate({"keys": KEYS}))
    call = GuardedCall(stage, name)  # type: ignore[arg-type]
    with acting_as(actor):
        if allowed:
            await guardrails.before(call, ("x",))
        else:
            with pytest.raises(GuardRefused, match=name):
                await guardrails.before(call, ("x",))


def test_a_hook_whose_token_is_missing_is_reported_at_the_start() -> None:
    table = GuardrailTable.model_validate({"hook": {"url": "http://x", "key_env": "NO_SUCH"}})
    with pytest.raises(ConfigurationError, match="NO_SUCH"):
        Guardrails(table, environ={})
