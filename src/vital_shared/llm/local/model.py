"""A language model on this machine, behind the gate: it is asked only where the sources hold an answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vital_shared.llm.base import ModelEvent, ModelRequest, Stop, TextDelta
from vital_shared.llm.evidence import select
from vital_shared.llm.extractive import NO_ANSWER
from vital_shared.llm.local.attribution import Attribution
from vital_shared.llm.local.child import Child
from vital_shared.llm.local.grammar import answer_form
from vital_shared.llm.local.server import CONTEXT_TOKENS
from vital_shared.llm.prompted import PromptedModel
from vital_shared.llm.prompts.counting import Count
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.llm.wires.base import Chat
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.timing import Timeouts
from vital_shared.retrieval.pinned_models import LANGUAGE_MODELS
from vital_shared.retrieval.weights import installed

if TYPE_CHECKING:
    from vital_shared.llm.wires.provider import Provider
    from vital_shared.retrieval.rerank import Reranker

__all__ = ["LocalModel", "installed_models"]

ANSWER_TOKENS: Final = 256
"""Small models say what they have to say at once, and then repeat themselves."""

PASSAGES: Final = 2
"""Small models are led astray by more, and each costs seconds to read here."""

TIMEOUTS: Final = Timeouts(first_token=90.0, between_tokens=30.0, total=180.0)
"""A CPU reads a prompt slowly."""


class LocalModel:
    """A model that its own server child serves.

    :param name: ``local:…``.
    :param weights: its file.
    :param reranker: judges whether the sources hold an answer; None: shared words do.
    :param count: counts the tokens of prompts.
    """

    calls_tools = False
    """Models of this size ask for tools in ways that nobody can read."""

    def __init__(self, name: str, weights: Path, reranker: Reranker | None, count: Count) -> None:
        self.name = name
        self.child = Child(name, weights)
        self._provider: Provider | None = None
        self._reranker = reranker
        self._prompts = Prompts(count, CONTEXT_TOKENS)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer, or say that the sources hold no answer.

        :raises ModelError: when there is no answer, or no whole one.
        """
        narrowed = await self._gate(request)
        if narrowed is None:
            yield TextDelta(text=NO_ANSWER)
            yield Stop(reason="no_answer")
            return
        prompted = PromptedModel(
            self.name,
            partial(self._ask, narrowed),
            prompts=self._prompts,
            calls_tools=False,
            max_output_tokens=ANSWER_TOKENS,
            temperature=0.0,
            options=answer_form(narrowed),
        )
        async with aclosing(prompted.stream(narrowed)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """End the server."""
        if self._provider is not None:
            await self._provider.aclose()
        await self.child.aclose()

    async def _gate(self, request: ModelRequest) -> ModelRequest | None:
        """Keep the passages that hold sentences which answer; None: there are none.

        A small model invents freely. What tools found, and what needs no sources, goes through as it is.
        """
        if not request.grounded or any(result.status == "success" for result in request.tool_results):
            return request
        picked = (await select(request.question, request.passages, self._reranker)).pieces
        if not picked:
            return None
        best = dict.fromkeys(piece.passage.id for piece in picked)
        # The first ones keep their numbers, so that [n] means the same here and in the answer.
        last = max(n for n, each in enumerate(request.passages, 1) if each.id in list(best)[:PASSAGES])
        return request.model_copy(update={"passages": request.passages[:last]})

    async def _ask(self, request: ModelRequest, chat: Chat) -> AsyncGenerator[ModelEvent, None]:
        """Send the chat, and add the citations that the model leaves out where no form has it write them."""
        attribution = Attribution(
            () if "grammar" in chat.options or not request.grounded else request.sources
        )
        provider = await self._connected()
        async with aclosing(provider.stream(self.name.partition(":")[2], chat)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    if text := attribution.feed(event.text):
                        yield TextDelta(text=text)
                    continue
                if isinstance(event, Stop) and (left := attribution.end()):
                    yield TextDelta(text=left)
                yield event

    async def _connected(self) -> Provider:
        """Return the way to the server, which is started if it does not run."""
        from vital_shared.llm.wires.provider import Provider  # noqa: PLC0415 - aiohttp is slow to import

        address = await self.child.address()
        if self._provider is None or self._provider.base_url != f"{address}/v1":
            if self._provider is not None:
                await self._provider.aclose()
            self._provider = Provider(
                "local",
                OpenAIWire(),
                base_url=f"{address}/v1",
                key=self.child.key,
                timeouts=TIMEOUTS,
                attempts=2,  # the server closes idle connections, also one that is just used again
                connections=8,
            )
        return self._provider


def installed_models(models_dir: Path, reranker: Reranker | None, count: Count) -> tuple[LocalModel, ...]:
    """Return the language models that are installed; nothing is started. Reads files: off the event loop."""
    if find_spec("xllamacpp") is None:
        return ()
    folders = installed(models_dir, LANGUAGE_MODELS)
    return tuple(
        LocalModel(f"local:{name}", folder / "model.gguf", reranker, count)
        for name, folder in folders.items()
    )
