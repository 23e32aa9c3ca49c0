"""The guardrails of an engine, one after the other; each decision is counted, and none is a refusal."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from vital_shared.billing.run_context import current_run_context
from vital_shared.errors import ConfigurationError
from vital_shared.guardrails.access import KeyAccess
from vital_shared.guardrails.base import GuardedCall, Guardrail, GuardRefused, GuardStage
from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.hook import HttpHook
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.personal_data import load_checks
from vital_shared.guardrails.text_rules import DeniedPatterns, MaxSize
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import GUARDRAIL_DECISIONS_TOTAL

__all__ = ["Guardrails"]

logger = get_logger(__name__)


class Guardrails:
    """The guardrails of an engine.

    :param table: the configuration.
    :param more: further guardrails, behind those of the table.
    :param environ: the environment, with the token of the hook.
    :raises ConfigurationError: when a package or a variable that the table needs is missing.
    """

    def __init__(
        self,
        table: GuardrailTable,
        more: Sequence[Guardrail] = (),
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._seconds = table.timeout_seconds
        self._max_output = table.max_output_characters
        self._kinds = table.mask
        if self._kinds:
            load_checks()  # reports a missing package now, not with the first call
        self._hook: HttpHook | None = None
        self._guards = (*self._built_in(table, environ), *more)
        holds = [guard.held_characters for guard in self._guards]
        self.held_characters = None if None in holds else max((each or 0 for each in holds), default=0)
        """Characters of a streamed answer that are held back; None: all of it, until its end."""

    def _built_in(self, table: GuardrailTable, environ: Mapping[str, str]) -> Sequence[Guardrail]:
        guards: list[Guardrail] = []
        if table.keys:
            guards.append(KeyAccess(table.keys))
        if table.max_input_characters is not None or table.max_output_characters is not None:
            guards.append(MaxSize(table.max_input_characters, table.max_output_characters))
        if table.deny_input or table.deny_output:
            guards.append(
                DeniedPatterns(
                    tuple(map(re.compile, table.deny_input)), tuple(map(re.compile, table.deny_output))
                )
            )
        if table.hook is not None:
            key = None if table.hook.key_env is None else environ.get(table.hook.key_env)
            if table.hook.key_env is not None and not key:
                raise ConfigurationError(
                    f"The environment variable {table.hook.key_env} is not set: the hook needs it."
                )
            self._hook = HttpHook(table.hook, key, table.timeout_seconds)
            guards.append(self._hook)
        return guards

    @property
    def is_active(self) -> bool:
        """Whether there are any."""
        return bool(self._guards or self._kinds)

    @property
    def judges_answers(self) -> bool:
        """Whether any of them looks at what models answer."""
        return self.held_characters != 0 or self._max_output is not None

    @property
    def reads_texts(self) -> bool:
        """Whether any of them looks at texts, and not at names alone."""
        return bool(self._kinds) or any(guard.name != "access" for guard in self._guards)

    async def aclose(self) -> None:
        """Close the connections of the hook."""
        if self._hook is not None:
            await self._hook.aclose()

    def call(self, stage: GuardStage, name: str) -> GuardedCall:
        """Return the call that the current run makes."""
        context = current_run_context.get()
        if context is None:
            return GuardedCall(stage, name)
        return GuardedCall(stage, name, context.request.tenant_id, context.run_id)

    async def before(self, call: GuardedCall, texts: Sequence[str]) -> tuple[str, ...]:
        """Return what is sent in place of these texts.

        :raises GuardRefused: when a guardrail refuses, fails or is late.
        """
        for guard in self._guards:
            texts = await self._decide(guard, call, texts, guard.before)
        return tuple(texts)

    async def after(self, call: GuardedCall, texts: Sequence[str]) -> tuple[str, ...]:
        """Return what is passed on in place of these texts.

        :raises GuardRefused: when a guardrail refuses, fails or is late.
        """
        for guard in self._guards:
            texts = await self._decide(guard, call, texts, guard.after)
        return tuple(texts)

    def check_length(self, call: GuardedCall, characters: int) -> None:
        """Check the length that a streamed answer has so far.

        :raises GuardRefused: when it is too long.
        """
        if self._max_output is not None and characters > self._max_output:
            GUARDRAIL_DECISIONS_TOTAL.labels(call.stage, "size", "refused").inc()
            message = f'The model "{call.name}" wrote more than {self._max_output} characters.'
            raise GuardRefused(message, guard="size")

    def mask(self, call: GuardedCall) -> Mask | None:
        """Return the mask of a call to a provider; None: nothing is masked."""
        return Mask(call.run_id, self._kinds) if self._kinds else None

    def hide(self, mask: Mask, call: GuardedCall, texts: Sequence[str]) -> tuple[str, ...]:
        """Return the texts with personal data replaced.

        :raises GuardRefused: when that fails.
        """
        try:
            hidden = mask.hide(texts)
        except Exception as error:
            raise self._failed("pii", call, "failed", error) from error
        GUARDRAIL_DECISIONS_TOTAL.labels(call.stage, "pii", "changed" if mask.has_hidden else "allowed").inc()
        return hidden

    async def _decide(
        self,
        guard: Guardrail,
        call: GuardedCall,
        texts: Sequence[str],
        decide: Callable[[GuardedCall, Sequence[str]], Coroutine[Any, Any, Sequence[str]]],
    ) -> Sequence[str]:
        try:
            async with asyncio.timeout(self._seconds):
                decided = _as_many(tuple(await decide(call, texts)), texts)
        except GuardRefused as refusal:
            GUARDRAIL_DECISIONS_TOTAL.labels(call.stage, guard.name, refusal.kind).inc()
            raise
        except TimeoutError as error:
            raise self._failed(guard.name, call, "timeout", error) from error
        except Exception as error:
            raise self._failed(guard.name, call, "failed", error) from error
        outcome = "allowed" if decided == tuple(texts) else "changed"
        GUARDRAIL_DECISIONS_TOTAL.labels(call.stage, guard.name, outcome).inc()
        return decided

    def _failed(self, guard: Any, call: GuardedCall, kind: Any, error: Exception) -> GuardRefused:
        logger.warning("guardrail_failed", guard=guard, stage=call.stage, name=call.name, exc_info=error)
        GUARDRAIL_DECISIONS_TOTAL.labels(call.stage, guard, kind).inc()
        words = "was late" if kind == "timeout" else "failed"
        message = f'The guardrail "{guard}" of the {call.stage} "{call.name}" {words}: the call is refused.'
        return GuardRefused(message, guard=guard, kind=kind)


def _as_many(decided: tuple[str, ...], texts: Sequence[str]) -> tuple[str, ...]:
    """Return what a guardrail has decided on.

    :raises ValueError: when these are not as many texts as it was given.
    """
    if len(decided) != len(texts):
        raise ValueError(f"{len(decided)} texts instead of {len(texts)}")
    return decided
