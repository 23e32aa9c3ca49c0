from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.models.tool import ToolCall
from vital_shared.tools.base import ToolContext
from vital_shared.tools.calculator.tool import calculator, expression_in
from vital_shared.tools.registry import ToolRegistry


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("what is 12.5 % of 3,400?", "12.5 % of 3,400"),
        ("(3+4)*2", "(3+4)*2"),
        ("sqrt(2)", "sqrt(2)"),
        ("how much is 15 times 7", "15 * 7"),
        ("What's 2^10?", "2^10"),
        ("What is 3 x 4?", "3 * 4"),
        ("Please calculate 10 / 4, please.", "10 / 4"),
        ("Calculate: 2017/745", "2017/745"),
        ("What is the square root of 16?", "sqrt(16)"),
        ("what is 10 minus 4 =", "10 - 4"),
        ("In a trial of 120 patients, what is 12.5 percent of 120?", "12.5 % of 120"),
        ("We had 3.5 mg left. What is 3.5 divided by 7? Thanks.", "3.5 / 7"),
        ("3400 + 10 %", "3400 + 10 %"),
        ("(3+4)\n*2", "(3+4) *2"),
    ],
)
def test_a_sum_that_is_asked_for_is_taken(query: str, expression: str) -> None:
    assert expression_in(query) == {"expression": expression}


@pytest.mark.parametrize(
    "query",
    [
        "510(k)",
        "What is a 510(k)?",
        "What is 510(k)?",
        "21 CFR 820",
        "What is 21 CFR 820?",
        "What is 21 CFR 820.30?",
        "ISO 13485",
        "What is ISO 13485:2016?",
        "2017/745",
        "What is 2017/745?",
        "What does Regulation (EU) 2017/745 say?",
        "class II",
        "What is class II?",
        "555-1234",
        "555-123-4567",
        "(555)-123-4567",
        "+1 (555) 123-4567",
        "+1-555-123-4567",
        "+49 30 1234567",
        "2024-05-01",
        "what is 2024-05-01",
        "Calculate 2024-05-01",
        "05/01/2024",
        "IEC 62304",
        "What is 60601-1?",
        "What is 24/7?",
        "What is 5-10%?",
        "What is 20 %?",
        "What is 1.2.3?",
        "What is 3*5!",
        "What is pi?",
        "how much is 5 mg/kg",
        "What is 3 * 4 in words, and why?",
        "C++",
        "1 \N{EN DASH} 2",
        "",
        "-5",
    ],
)
def test_numbers_that_are_no_sum_are_left_alone(query: str) -> None:
    assert expression_in(query) is None


@given(st.text(max_size=200) | st.text(alphabet="0123456789+-*/%(). whatiscalculate?\n", max_size=200))
def test_any_question_can_be_looked_at(query: str) -> None:
    found = expression_in(query)
    assert found is None or set(found) == {"expression"}


@pytest.mark.parametrize(
    ("expression", "content"),
    [("12.5 % of 3,400", "12.5 % of 3,400 = 425"), ("1/3", "1/3 ≈ 0.333333333333333")],
)
async def test_it_answers_with_the_sum_and_its_result(
    expression: str, content: str, context: ToolContext
) -> None:
    call = ToolCall(id="call-1", name="calculator", arguments={"expression": expression})
    result = await ToolRegistry([calculator]).run(call, context)
    assert (result.status, result.content) == ("success", content)


async def test_it_says_why_there_is_no_result(context: ToolContext) -> None:
    call = ToolCall(id="call-1", name="calculator", arguments={"expression": "1/0"})
    result = await ToolRegistry([calculator]).run(call, context)
    assert (result.status, result.error) == ("failed", "This divides by zero.")
