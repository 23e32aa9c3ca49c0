"""What a run may cost at most, before it runs."""

from decimal import Decimal

import pytest
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.openai import DONE, chunk, piece

from vital_shared import BaseWorkflow, tool
from vital_shared.models.agent import AgentProfile
from vital_shared.testing import CannedModel, CannedSource, passage, question, workflow_services
from vital_shared.workflows.estimate import max_cost

AGENT = AgentProfile(id="generalist", name="G", system_prompt="Be brief.", model="acme:m")
PRICES = 'price = { input = "1", output = "10" }'
"""Dollars per million tokens."""


@tool(cost_dollars=Decimal("0.40"))
async def dear(query: str) -> str:
    """Look a thing up for money, once allowed."""
    return f"{query}: gold"


@tool(cost_dollars=Decimal("0.01"), requires_approval=False)
async def cheap(query: str) -> str:
    """Look a thing up for little money."""
    return f"{query}: tin"


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Services with a provider of our own, its models priced, and two tools that cost money."""

    def opened(*tables: str, url: str = "http://127.0.0.1:9", sources=()):
        provider = f'[providers.acme]\nwire = "openai"\nbase_url = "{url}"\nkey_env = "KEY"\nattempts = 1\n'
        (tmp_path / "vital.toml").write_text(provider + "\n".join(tables))
        monkeypatch.setenv("KEY", "sk-secret")
        return workflow_services(tmp_path, models=[CannedModel()], sources=sources, tools=[dear, cheap])

    return opened


def table(model: str = "m", more: str = PRICES) -> str:
    return f'[models."acme:{model}"]\n{more}\n'


def asked(**fields):
    return question("How long?", **fields)


async def test_free_models_and_tools_cost_nothing(configured):
    async with configured() as services:
        free = AGENT.model_copy(update={"model": "extractive", "tools": ("calculator",)})
        estimate = max_cost(services, asked(), free)
    assert estimate[:2] == (0, ())
    assert estimate.nanos == 0


async def test_a_model_without_a_price_is_named_and_needs_a_budget(configured):
    async with configured() as services:
        canned = AGENT.model_copy(update={"model": "canned", "tools": ()})
        estimate = max_cost(services, asked(), canned)
    assert estimate[:2] == (0, ("canned",))
    assert estimate.nanos == 1


async def test_a_plain_question_is_one_prompt_and_the_longest_answer(configured):
    async with configured(table(more=f"max_output_tokens = 100\n{PRICES}")) as services:
        estimate = max_cost(services, asked(enable_tools=False, enable_rag=False), AGENT)
        # 500 tokens of rules, 5 of "Be brief.", 5 of "How long?"; a dollar a million to read, ten to write.
        assert estimate.dollars == Decimal("0.000510") + Decimal("0.001")
        documents = max_cost(services, asked(enable_tools=False), AGENT).dollars
    assert documents == estimate.dollars + 5 * Decimal("0.000500")


async def test_each_model_of_the_chain_may_be_paid_for(configured):
    async with configured(table(), table("n"), table("o", "")) as services:
        plain = asked(enable_tools=False)
        one = max_cost(services, plain, AGENT)
        both = max_cost(services, plain, AGENT.model_copy(update={"fallbacks": ("acme:n", "acme:o")}))
    assert both.dollars == 2 * one.dollars
    assert both.unpriced == ("acme:o",)


async def test_the_prompt_ends_at_the_models_context(configured):
    long = AGENT.model_copy(update={"tools": ()})
    async with configured(
        table(more=f"context_tokens = 2000\nmax_output_tokens = 100\n{PRICES}")
    ) as services:
        estimate = max_cost(services, asked(mode="4", session_id="s"), long)
    assert estimate.dollars == Decimal("0.001900") + Decimal("0.001")


async def test_requested_tools_cost_what_they_cost_and_suggested_ones_the_dearest_that_may_run(configured):
    free = AGENT.model_copy(update={"model": "extractive"})
    async with configured() as services:

        def tools(agent=free, *, resumed=False, **fields):
            return max_cost(services, asked(**fields), agent, resumed=resumed).dollars

        assert tools(requested_tools=["dear", "dear"], enable_tools=False) == Decimal("0.80")
        assert tools(mode="2") == 8 * Decimal("0.40")
        assert tools(mode="1") == 8 * Decimal("0.01")  # what needs approval comes after it
        assert tools(mode="1", resumed=True) == 8 * Decimal("0.40")
        assert tools(free.model_copy(update={"tools": ("cheap",)})) == 8 * Decimal("0.01")


async def test_sources_cost_what_they_declare_and_so_does_the_tool_that_asks_them(configured):
    source = CannedSource()
    source.cost_dollars = Decimal("0.003")
    free = AGENT.model_copy(update={"model": "extractive", "tools": ("document_search",)})
    async with configured(sources=[source]) as services:

        def cost(**fields):
            return max_cost(services, asked(**fields), free).dollars

        assert cost(enable_tools=False) == 2 * Decimal("0.003")
        assert cost(enable_tools=False, enable_rag=False) == 0
        assert cost(enable_rag=False) == 8 * Decimal("0.003")


async def test_a_tool_loop_is_bounded_by_its_own_limit(configured):
    async with configured(table(more='price = { input = "100", output = "0" }')) as services:
        looping = max_cost(services, asked(), AGENT.model_copy(update={"tools": ("cheap",)})).dollars
        alone = max_cost(services, asked(enable_tools=False), AGENT).dollars
    full = (16_000 - 1_024) * Decimal("0.0001")
    assert looping - alone > 1 + 2 * full  # with the suggestion, which is not in the loop
    assert looping - alone < 1 + 4 * full


async def test_the_run_s_own_limit_bounds_it(configured):
    async with configured(table()) as services:
        limited = asked(max_cost_dollars="0.001")
        assert max_cost(services, limited, AGENT).dollars == Decimal("0.001")
        rest = max_cost(services, limited, AGENT, resumed=True, spent=Decimal("0.0004"))
        assert rest.dollars == Decimal("0.0006")
        assert max_cost(services, limited, AGENT, resumed=True, spent=Decimal(1)).dollars == 0


def answer(words: int, prompt_tokens: int):
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": words, "total_tokens": 0}
    return openai.stream(
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "word " * words}),
            chunk(finish="stop"),
            chunk(choices=[], usage=usage),
            DONE,
        ]
    )


def bytes_of(body) -> int:
    return len(str(body["messages"])) + len(str(body.get("tools", "")))


def wordy(request):
    """Write as much as is allowed, and ask for tools as often as is allowed, in prompts of 3 bytes a token."""
    received, read = request.body, bytes_of(request.body) // 3
    if not received.get("tools") or received.get("tool_choice") == "none":
        return answer(received["max_tokens"], read)
    number = len(received["messages"])
    usage = {"prompt_tokens": read, "completion_tokens": received["max_tokens"], "total_tokens": 0}
    call = piece(0, name="cheap", arguments=f'{{"query": "thing {number}"}}')
    end = [chunk(finish="tool_calls"), chunk(choices=[], usage=usage), DONE]
    return openai.stream([chunk({"role": "assistant", "content": None}), call, *end])


@pytest.mark.parametrize("tools", [(), ("cheap",)])
async def test_no_run_costs_more_however_much_is_said(configured, tools):
    source = CannedSource([passage("word " * 330, id=f"p{n}", score=5.0) for n in range(5)])
    limits = f"max_output_tokens = 300\n{PRICES}"
    async with (
        serve(wordy) as server,
        configured(table(more=limits), url=server.url, sources=[source]) as services,
    ):
        agent = AGENT.model_copy(update={"tools": tools, "system_prompt": "Be brief. " * 200})
        await services.agents.save(agent, tenant_id="acme")
        output = await BaseWorkflow(services).execute_typed(asked())
        bound = max_cost(services, asked(), agent).dollars
    assert len(output.model_calls) == (7 if tools else 1)
    assert bound / 10 < output.cost.total <= bound


@pytest.mark.parametrize("dollars", ["0", "0.0012", "0.002", "0.004", "0.01", "0.03"])
@pytest.mark.parametrize("tools", [(), ("cheap",)])
async def test_a_run_never_costs_more_than_its_own_limit(configured, tools, dollars):
    async with serve(wordy) as server, configured(table(), url=server.url) as services:
        await services.agents.save(AGENT.model_copy(update={"tools": tools}), tenant_id="acme")
        output = await BaseWorkflow(services).execute_typed(asked(max_cost_dollars=dollars, enable_rag=False))
    assert output.cost.total <= Decimal(dollars)
    assert output.response
    if dollars == "0":
        assert server.requests == []


async def test_the_longest_answer_is_what_the_money_buys(configured):
    async with serve(wordy) as server, configured(table(), url=server.url) as services:
        await services.agents.save(AGENT.model_copy(update={"tools": ()}), tenant_id="acme")
        output = await BaseWorkflow(services).execute_typed(asked(max_cost_dollars="0.005", enable_rag=False))
    (request,) = server.requests
    bought = request.body["max_tokens"]
    assert 300 < bought < 500  # of half a cent, at ten dollars a million, with what the prompt takes
    assert output.tokens.output == bought
