"""The guardrail over HTTP: a service of one's own decides.

It gets ``{"stage", "name", "when", "tenant_id", "run_id", "texts"}`` as JSON, and answers with status 200 and
``{"allow": true}``, ``{"allow": true, "texts": […]}`` or ``{"allow": false, "reason": "…"}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from vital_shared.guardrails.base import GuardedCall, GuardName, GuardRefused
from vital_shared.guardrails.configuration import HookTable
from vital_shared.http.proxy import proxy_for
from vital_shared.models.base import Frozen

if TYPE_CHECKING:
    import aiohttp  # takes 100 ms to import, and few engines have a hook

__all__ = ["HookVerdict", "HttpHook"]

MAX_REASON_CHARACTERS = 200


class HookVerdict(Frozen):
    """The answer of a hook."""

    allow: bool
    reason: str = Field(default="", max_length=10_000)
    texts: tuple[str, ...] | None = Field(default=None, strict=False)


class HttpHook:
    """A guardrail that asks a service.

    :param key: the bearer token that it gets; None: none.
    :param seconds: the time that a request may take.
    """

    name: GuardName = "hook"

    def __init__(self, table: HookTable, key: str | None, seconds: float) -> None:
        self._table = table
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self.held_characters: int | None = None if table.after and "model" in table.stages else 0

    async def before(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Ask about what is sent."""
        return await self._ask(call, texts, "before") if self._table.before else texts

    async def after(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Ask about what returns."""
        return await self._ask(call, texts, "after") if self._table.after else texts

    async def aclose(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self, call: GuardedCall, texts: Sequence[str], when: Literal["before", "after"]
    ) -> Sequence[str]:
        if call.stage not in self._table.stages:
            return texts
        asked = {"stage": call.stage, "name": call.name, "when": when, "texts": list(texts)}
        body = asked | {"tenant_id": call.tenant_id, "run_id": call.run_id}
        async with self._open().post(self._table.url, json=body, allow_redirects=False) as response:
            answer = await response.read()
        if response.status != HTTPStatus.OK:
            message = f"The guardrail's service answers {response.status}."
            raise GuardRefused(message, guard=self.name, kind="failed")
        try:
            verdict = HookVerdict.model_validate_json(answer)
        except ValidationError as error:
            raise GuardRefused(
                "The guardrail's service gave no verdict.", guard=self.name, kind="failed"
            ) from error
        if not verdict.allow:
            reason = " ".join(verdict.reason.split())[:MAX_REASON_CHARACTERS] or "it gives no reason"
            message = f'The guardrail of the {call.stage} "{call.name}" refuses: {reason}.'
            raise GuardRefused(message, guard=self.name)
        if verdict.texts is None:
            return texts
        if len(verdict.texts) != len(texts):
            message = "The guardrail's service returned another number of texts than it was sent."
            raise GuardRefused(message, guard=self.name, kind="failed")
        return verdict.texts

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415 - see above

        from vital_shared.http.name_resolver import NameResolver  # noqa: PLC0415 - it imports aiohttp

        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=NameResolver()),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                proxy=proxy_for(self._table.url),
            )
        return self._session
