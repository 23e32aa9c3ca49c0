"""A node gets a value of a type from each provider's protocol, with the round that corrects it."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel
from tests.llm.wires.servers import anthropic, gemini
from tests.llm.wires.servers.base import serve
from tests.workflows.self_llm.harness import Engine, asked, says

from vital_shared import BaseWorkflow, node
from vital_shared.testing import workflow_services

UNFIT = '{"party": "Ann", "years": "many"}'
FIT = '{"party": "Ann", "years": 3}'

CONFIGURATION = """
[providers.mine]
wire = "{wire}"
base_url = "{url}{prefix}"
key_env = ""
attempts = 1
[models."mine:m"]
price = {{ input = "10", output = "10" }}
"""


class Contract(BaseModel):
    party: str
    years: int


class Extracting(BaseWorkflow):
    answer = None
    quality = None

    @node
    async def extract(self, query: str) -> Contract:
        return await self.llm(query, output=Contract)


def _anthropic(text):
    return anthropic.stream(anthropic.message(anthropic.text_block(0, text)))


def _gemini(text):
    return gemini.stream([gemini.chunk({"text": text}), gemini.chunk({"text": ""}, finish="STOP")])


WIRES = {
    "openai": ("/v1", says, lambda body: body["response_format"]["json_schema"]["schema"]),
    "anthropic": ("", _anthropic, lambda body: body["output_config"]["format"]["schema"]),
    "gemini": ("/v1beta", _gemini, lambda body: body["generationConfig"]["responseJsonSchema"]),
}


@pytest.mark.parametrize("wire", WIRES)
async def test_a_value_is_read_from_each_protocol_after_one_correction(tmp_path, wire):
    prefix, reply, schema_of = WIRES[wire]
    config = tmp_path / "vital.toml"
    async with serve(reply(UNFIT), reply(FIT)) as server:
        config.write_text(CONFIGURATION.format(wire=wire, url=server.url, prefix=prefix))
        async with workflow_services(tmp_path, config=config, model="mine:m") as services:
            output = await Extracting(services).execute_typed(asked())
            charged = [row for row in await Engine(services, server).rows() if row["cost_type"] == "llm"]
    first, second = (request.body for request in server.requests)
    assert output.values["extract"] == {"party": "Ann", "years": 3}
    assert set(schema_of(first)["properties"]) == {"party", "years"}
    assert schema_of(second) == schema_of(first)
    assert UNFIT in _texts(second)
    assert UNFIT not in _texts(first)
    assert [row["item"] for row in charged] == ["llm/1", "llm/2"]


def _texts(body: object) -> list[str]:
    """Return all strings of a body."""
    found: list[str] = []
    json.loads(json.dumps(body), object_hook=lambda each: found.extend(map(str, each.values())) or each)
    return found
