"""openFDA, against a server that answers as its documentation shows."""

import json
from pathlib import Path

import orjson
import pytest
from tests.tools.public import api_to, call

from vital_shared.tools.base import ToolError
from vital_shared.tools.openfda.intents import clearances_in, events_in, label_in, recalls_in
from vital_shared.tools.openfda.tools import openfda

QUESTIONS = Path(__file__).parents[3] / "examples" / "knowledge" / "questions.json"

CLEARANCE = {
    "k_number": "K123456",
    "device_name": "Pulse Oximeter",
    "applicant": "ACME MEDICAL",
    "decision_date": "2024-05-31",
    "decision_description": "Substantially Equivalent",
    "product_code": "DQA",
    "advisory_committee_description": "Cardiovascular",
}
RECALL = {
    "recall_number": "Z-1234-2024",
    "classification": "Class I",
    "status": "Ongoing",
    "recalling_firm": "Acme",
    "recall_initiation_date": "20240102",
    "product_description": "Infusion pump, model 7",
    "reason_for_recall": "The battery fails",
}
LABEL = {
    "set_id": "abc-1",
    "boxed_warning": ["WARNING: BLEEDING RISK."],
    "openfda": {"brand_name": ["Coumadin"], "generic_name": ["WARFARIN"]},
}


def results(*records):
    return orjson.dumps({"meta": {"disclaimer": "…"}, "results": list(records)})


async def ask(number, path, answer, **arguments):
    async with api_to({path: answer} if answer is not None else {}) as (api, service):
        return service, await call(openfda(api)[number], **arguments)


async def test_clearances():
    service, found = await ask(
        0, "/device/510k.json", results(CLEARANCE), query="pulse oximeters", since="2020-01-01"
    )
    (passage,) = found.passages
    assert passage.title == "K123456: Pulse Oximeter"
    assert passage.uri.endswith("pmn.cfm?ID=K123456")
    assert "Decision of 2024-05-31: Substantially Equivalent" in passage.text
    assert "Do not rely on openFDA" in found.text
    search = service.requests[0].query["search"]
    assert "device_name:(oximeters OR oximeter)" in search
    assert search.endswith(" AND decision_date:[20200101 TO 29991231]")


async def test_a_number_is_looked_up_as_one():
    service, _ = await ask(0, "/device/510k.json", results(CLEARANCE), query="What about k123456?")
    assert service.requests[0].query["search"] == 'k_number:"K123456"'


async def test_recalls():
    _, found = await ask(1, "/device/enforcement.json", results(RECALL), query="infusion pumps")
    assert "Class I recall Z-1234-2024 of Acme, begun on 2024-01-02, ongoing." in found.passages[0].text


async def test_labels():
    service, found = await ask(
        2, "/drug/label.json", results(LABEL), drug="warfarin", section="boxed_warning"
    )
    assert found.passages[0].title == "Label of Coumadin / WARFARIN: boxed warning"
    assert found.passages[0].text == "WARNING: BLEEDING RISK."
    assert "_exists_:boxed_warning" in service.requests[0].query["search"]


async def test_events_are_counted_and_explained():
    _, found = await ask(3, "/drug/event.json", results({"term": "NAUSEA", "count": 1234}), drug="metformin")
    assert "nausea: 1,234" in found.text
    assert "not mean that the drug was the cause" in found.passages[0].text


@pytest.mark.parametrize("number", range(4))
async def test_404_means_that_there_is_none(number):
    argument = "query" if number < 2 else "drug"
    _, found = await ask(number, "/", None, **{argument: "nothing"})
    assert found.text.startswith("openFDA has no")
    assert found.passages == ()


async def test_query_syntax_of_a_question_is_only_words():
    hostile = 'x") OR _exists_:patient AND (y:"z [1 TO 2]'
    service, _ = await ask(1, "/device/enforcement.json", results(RECALL), query=hostile)
    search = service.requests[0].query["search"]
    assert search.count("(") == search.count(")")
    assert "_exists_" not in search
    assert "product_description:(exists OR exist)" in search


async def test_no_word_and_no_json_are_reported():
    with pytest.raises(ToolError, match="Name a product"):
        await ask(1, "/device/enforcement.json", results(RECALL), query="and (")
    with pytest.raises(ToolError, match="cannot be read"):
        await ask(1, "/device/enforcement.json", b"<html>", query="pumps")


@pytest.mark.parametrize(
    ("take", "question", "arguments"),
    [
        (clearances_in, "Find 510(k) clearances for pulse oximeters.", {"query": "pulse oximeters"}),
        (clearances_in, "What is K123456?", {"query": "K123456"}),
        (recalls_in, "Are there any class I recalls of infusion pumps?", {"query": "infusion pumps"}),
        (recalls_in, "List recent recalls for Acme", {"query": "Acme"}),
        (events_in, "Which side effects are reported for metformin?", {"drug": "metformin"}),
        (
            label_in,
            "What warnings are on the label of warfarin?",
            {"drug": "warfarin", "section": "warnings"},
        ),
        (label_in, "Show me the FDA label for Coumadin", {"drug": "Coumadin"}),
    ],
)
def test_who_wishes_it_expressly_gets_it(take, question, arguments):
    assert take(question) == arguments


@pytest.mark.parametrize("take", [clearances_in, recalls_in, events_in, label_in])
def test_no_sample_question_is_taken_for_a_wish(take):
    assert [q["question"] for q in json.loads(QUESTIONS.read_text()) if take(q["question"])] == []
