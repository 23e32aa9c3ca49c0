"""Models of the providers that we have no wire for (Bedrock, Cohere, …), through pydantic-ai.

It asks like `Provider` does. The extra ``pydantic-ai`` brings it, and each provider wants an extra of
pydantic-ai's own, such as ``pydantic-ai-slim[bedrock]``. Keys and regions are read from the environment by
the provider's own client, which also makes its own retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, StreamedResponse, infer_model
from pydantic_ai.providers import infer_provider

from vital_shared.errors import ConfigurationError
from vital_shared.llm import pydantic_ai_chat as reading
from vital_shared.llm.base import ModelError, ModelEvent, ModelTimeout
from vital_shared.llm.pydantic_ai_errors import failure
from vital_shared.llm.wires.base import Chat
from vital_shared.llm.wires.timing import Timeouts

__all__ = ["PydanticAIProvider"]


class PydanticAIProvider:
    """One provider of pydantic-ai.

    :param name: the prefix of its models' names before the colon: pydantic-ai's own name for it.
    :param timeouts: all but `connect`, which the provider's own client has.
    :param open_model: makes a model by the provider's own name for it; None: pydantic-ai does.
    :raises ConfigurationError: when something that this needs is missing; says what to do.
    """

    def __init__(
        self,
        name: str,
        *,
        timeouts: Timeouts | None = None,
        open_model: Callable[[str], Model] | None = None,
    ) -> None:
        self.name = name
        self.connections = 0
        """The limit of concurrent calls, which is unknown here."""
        self.in_use = 0
        """Calls that are under way."""
        self.server: tuple[str, int] | None = None
        """Host and port of the provider, which only pydantic-ai knows."""
        self._timeouts = timeouts or Timeouts()
        self._open_model = open_model or _opener(name)
        self._models: dict[str, Model] = {}
        self._opened = AsyncExitStack()

    async def aclose(self) -> None:
        """Close the connections; the provider may be used again."""
        self._models.clear()
        await self._opened.aclose()

    async def stream(self, model: str, chat: Chat) -> AsyncGenerator[ModelEvent, None]:
        """Ask, and pass on what comes; closing the generator closes the connection.

        :param model: the provider's own name of the model.
        :raises ModelError: naming ``provider:model``.
        """
        name = f"{self.name}:{model}"
        self.in_use += 1
        try:
            async with aclosing(self._events(model, name, chat)) as events:
                async for event in events:
                    yield event
        except ModelError:
            raise
        except Exception as error:  # providers' own clients raise errors of their own
            raise failure(error, name) from error
        finally:
            self.in_use -= 1

    async def _events(self, model: str, name: str, chat: Chat) -> AsyncGenerator[ModelEvent, None]:
        asked = await self._model(model)
        request = model_request_stream(
            asked,
            reading.messages(chat),
            model_settings=reading.settings(chat, self._timeouts),
            model_request_parameters=reading.parameters(chat, asked.profile),
            instrument=False,
        )
        async with request as response:
            async with aclosing(self._timely(response, name)) as events:
                async for event in events:
                    if (piece := reading.piece(event)) is not None:
                        yield piece
            for last in reading.ending(response, name):
                yield last

    async def _timely(self, response: StreamedResponse, name: str) -> AsyncGenerator[Any, None]:
        """Read the stream; pydantic-ai watches over its beginning and the whole, we over what is between."""
        events, between = aiter(response), self._timeouts.between_tokens
        limit = None
        while True:
            try:
                async with asyncio.timeout(limit) as waiting:
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                if not waiting.expired():
                    raise
                message = f'The model "{name}" fell silent for {between:g} seconds.'
                raise ModelTimeout(message, model=name) from error
            limit = between
            yield event

    async def _model(self, name: str) -> Model:
        if name not in self._models:
            self._models[name] = self._open_model(name)
            await self._opened.enter_async_context(self._models[name])
        return self._models[name]


def _opener(name: str) -> Callable[[str], Model]:
    """Prepare a provider, so that a missing requirement is reported now and not with the first question."""
    try:
        provider = infer_provider(name)
    except ImportError as error:
        raise ConfigurationError(f'The models of "{name}" need one more package: {error}.') from error
    except UserError as error:
        raise ConfigurationError(f'The models of "{name}" cannot be asked: {error}.') from error
    except ValueError as error:
        raise ConfigurationError(
            f'Neither we nor pydantic-ai know a provider "{name}": check its name.'
        ) from error
    return lambda model: infer_model(f"{name}:{model}", lambda _: provider)
