"""Many tool results are bounded together."""

from hypothesis import given
from hypothesis import strategies as st

from vital_shared.models.tool import ToolResult
from vital_shared.testing import passage
from vital_shared.tools.results import CUT, MAX_CHARACTERS_TOGETHER, ResultBudget


def result(content: str, *passages: str) -> ToolResult:
    found = tuple(passage(text, id=str(number)) for number, text in enumerate(passages))
    return ToolResult(id="1", name="t", arguments={}, status="success", content=content, passages=found)


def test_what_fits_stays_as_it_is():
    short = result("short", "a passage")
    assert ResultBudget().take(short) is short


def test_what_is_too_much_is_cut_and_says_so():
    budget = ResultBudget([result("x" * (MAX_CHARACTERS_TOGETHER - 5))])
    assert budget.take(result("1234567")).content == f"12345{CUT}"
    assert budget.take(result("8")).content == CUT


def test_passages_that_do_not_fit_are_left_out_and_that_is_said():
    budget = ResultBudget([result("x" * (MAX_CHARACTERS_TOGETHER - 10))])
    taken = budget.take(result("1234", "56", "789ab"))
    assert taken.content == f"1234{CUT}"
    assert [each.text for each in taken.passages] == ["56"]


SIZES = st.integers(0, 300_000)


@given(st.lists(st.tuples(SIZES, st.lists(SIZES, max_size=3)), max_size=6))
def test_all_together_are_no_longer_than_the_bound(sizes):
    budget = ResultBudget()
    taken = [budget.take(result("x" * size, *("y" * each for each in more))) for size, more in sizes]
    length = sum(len(r.content.removesuffix(CUT)) + sum(len(p.text) for p in r.passages) for r in taken)
    assert length <= MAX_CHARACTERS_TOGETHER
