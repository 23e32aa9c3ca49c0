"""An engine whose model is a server that speaks a provider's protocol, for tests of `self.llm`."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import select
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import Server

from vital_shared.store.account_tables import ledger
from vital_shared.testing import question
from vital_shared.workflows.services import Services

TOKEN_NANOS = 10_000


"""Price of a token of the models below: ten dollars a million tokens, read or written."""


CONFIGURATION = """
[providers.mine]
wire = "openai"
base_url = "{url}/v1"
key_env = ""
attempts = 1
[models."mine:m"]
price = {{ input = "10", output = "10" }}
[models."mine:n"]
price = {{ input = "10", output = "10" }}
"""


def says(text: str, *, read: int = 10, written: int = 5, finish: str = "stop"):
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    pieces = [openai.chunk({"content": word}) for word in text.split("|")]
    return openai.stream(
        [*pieces, openai.chunk(finish=finish), openai.chunk(choices=[], usage=usage), openai.DONE]
    )


def calls(name: str, **arguments: object):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    call = openai.piece(0, name=name, arguments=json.dumps(arguments))
    return openai.stream(
        [call, openai.chunk(finish="tool_calls"), openai.chunk(choices=[], usage=usage), openai.DONE]
    )


@dataclass
class Engine:
    services: Services
    server: Server

    @property
    def bodies(self) -> list[dict]:
        return [request.body for request in self.server.requests]

    async def rows(self):
        async with self.services.database.connect() as connection:
            return (await connection.execute(select(ledger).order_by(ledger.c.id))).mappings().all()


def asked(**fields):
    return question("What is it?", **{"enable_rag": False, "enable_tools": False} | fields)
