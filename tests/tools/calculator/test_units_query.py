from __future__ import annotations

import json
from pathlib import Path

import pytest

from vital_shared.tools.calculator.tool import expression_in

QUESTIONS = Path(__file__).parents[3] / "examples" / "knowledge" / "questions.json"


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("70 kg to lb", "70 kg to lb"),
        ("What is 98.6 °F in °C?", "98.6 °F in °C"),
        ("5 ft 11 in in cm", "5 ft 11 in in cm"),
        ("convert 3 miles to km", "3 miles to km"),
        ("Can you convert 3 miles to km, please?", "3 miles to km"),
        ("how many ounces are 250 grams?", "250 grams in ounces"),
        ("How many km is 26.2 miles?", "26.2 miles in km"),
        ("what is 2.5 mg/kg * 70 kg?", "2.5 mg/kg * 70 kg"),
        ("How many days are there in 2 years?", "2 years in days"),
        ("How many ml are in 3 tbsp?", "3 tbsp in ml"),
        ("how much is 120 mmHg in kPa", "120 mmHg in kPa"),
        ("What is 2.5 mg/kg times 70 kg?", "2.5 mg/kg * 70 kg"),
        ("What's 5 mg/dL in mmol/L?", "5 mg/dL in mmol/L"),
        ("A patient weighs 154 lb. What is 154 lb in kg?", "154 lb in kg"),
        ("How many minutes in 3 days?", "3 days in minutes"),
        ("How many feet in 5 m?", "5 m in feet"),
        ("70 kg + 10 %", "70 kg + 10 %"),
        ("what is 10 percent of 70 kg", "10 % of 70 kg"),
    ],
)
def test_a_conversion_that_is_asked_for_is_taken(query: str, expression: str) -> None:
    assert expression_in(query) == {"expression": expression}


@pytest.mark.parametrize(
    "query",
    [
        "How many days does FDA have to review a 510(k)?",
        "Class II",
        "in 30 days",
        "21 CFR 820",
        "5 in 10 patients",
        "What is a class II device in 30 days?",
        "What happens to 5 in 10 patients?",
        "Respond in 30 days",
        "How many days in advance?",
        "30 days",
        "What is 30 days?",
        "5 to 10 years",
        "3 mg to 5 mg",
        "10 mg - 20 mg",
        "What is 5-10 mg?",
        "120/80 mmHg",
        "1 in 5",
        "5 in 100,000 births",
        "2 h",
        "What is 5 mg/kg?",
        "How many patients in phase 1?",
        "How many mg in 5 mL?",
        "How many years is 5 years?",
        "What is 60 days to a sponsor?",
        "Section 5 m in Annex I",
        "Is 7 days in weeks enough?",
        "Within 10 working days to FDA",
        "how many days are 15 days before PDUFA",
        "From 5 C to 10 C",
        "ISO 14971 in 2019",
        "What is 37 °C?",
        "12 in 2024",
        "How many g is 5G?",
        "What are 5 mg tablets in a 30 day supply?",
        "convert to pdf",
        "convert 510(k) to De Novo",
        "How do we change class III to class II?",
        "How do I convert 3 files to pdf?",
        "21 CFR 803 in 5 days",
        "Change 30-day notice to supplement",
        "How much in fees is 30 days",
        "What is 100 F to the agency?",
        "PMA takes 180 days in total",
        "Is 25 C in range?",
        "320 FDA days vs 180 days",
        "30 C / 65 % RH",
        "25 °C / 60 % RH for 6 months",
        "6 months in accelerated conditions",
        "8,000 individuals in the US",
    ],
)
def test_quantities_that_are_no_conversion_are_left_alone(query: str) -> None:
    assert expression_in(query) is None


def test_no_question_about_the_sample_documents_is_taken_for_one() -> None:
    asked = [each["question"] for each in json.loads(QUESTIONS.read_text("utf-8"))]
    assert len(asked) == 60
    assert [query for query in asked if expression_in(query) is not None] == []
