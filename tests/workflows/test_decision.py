"""Whatever is decided about tool calls: it is refused, or each call is made as it was allowed, or not at all."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vital_shared.errors import InvalidRequest
from vital_shared.models.answer import ToolPlan
from vital_shared.models.tool import ToolCall
from vital_shared.tools.base import tool
from vital_shared.tools.registry import ToolRegistry
from vital_shared.workflows.approval import denied_results
from vital_shared.workflows.decision import Decision

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@tool(cost_dollars=Decimal("0.25"))
async def weigh(item: str, grams: int) -> str:
    """Weigh something."""
    return f"{item} {grams}"


TOOLS = ToolRegistry([weigh])
IDS = ("call-1", "call-2", "call-3")


def call(name: str) -> ToolCall:
    return ToolCall(id=name, name="weigh", arguments={"item": name, "grams": 1}, cost_dollars=Decimal("0.25"))


PLAN = ToolPlan(approved=(call("requested-1"),), suggested=tuple(map(call, IDS)))
ids = st.sampled_from([*IDS, "call-9", "requested-1"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just(object()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
arguments = st.fixed_dictionaries({"item": st.text(max_size=5), "grams": st.integers()}) | st.dictionaries(
    st.sampled_from(["item", "grams", "more"]), values, max_size=3
)


@given(
    approved=st.none() | st.just("all") | st.lists(ids, max_size=4),
    edited=st.dictionaries(ids, arguments, max_size=2),
    denied=st.dictionaries(ids, st.text(max_size=20), max_size=2),
    limit=st.none() | st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(9)]),
)
def test_a_decision_is_refused_or_holds(
    approved: Any, edited: Any, denied: Any, limit: Decimal | None
) -> None:
    decision = Decision(approved, edited, denied, user_id="ann")
    try:
        decided = decision.on_tools(PLAN, TOOLS, limit)
    except InvalidRequest as error:
        place = (error.field or "").partition(".")[0]
        assert place in ("approved", "edited", "denied")
        return
    made = {each.id: each for each in decided.calls}
    assert limit is None or sum(each.cost_dollars for each in decided.calls) <= limit
    for name, each in made.items():
        assert name not in denied
        assert each.arguments == edited.get(name, call(name).arguments)
        assert name == "requested-1" or name in edited or approved == "all" or name in approved
    results = {result.id: result for result in denied_results(decided.plan, decided.calls)}
    assert results.keys() | made.keys() >= set(IDS)
    assert not results.keys() & made.keys()
    for name, reason in denied.items():
        assert results[name].error == (
            f"the user did not approve it: {reason.strip()}"
            if reason.strip()
            else "the user did not approve it"
        )
    records = decision.record(decided, {}, NOW)
    assert [(record.subject, record.at, record.user_id) for record in records] == [
        (name, NOW, "ann") for name in IDS
    ]
    for record in records:
        assert (record.kind == "denied") == (record.subject not in decided.wanted)
        record.model_dump_json()
