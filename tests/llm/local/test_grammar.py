"""Texts that the grammar of an answer allows."""

import re

import pytest

from vital_shared.llm.local.grammar import MAX_SENTENCES, answer_grammar
from vital_shared.testing import passage

SOURCES = (
    passage("The review of a widget takes 42 days, see 21 CFR 820.30."),
    passage('"Quoted\\" fees, e.g. for small firms, are 1,200 dollars. U.S. firms pay 0.5 % more.'),
)


def pattern(question="How long does it take?", sources=SOURCES):
    """Return the grammar as a regular expression: no rule of it names itself."""
    rules = dict(line.split(" ::= ") for line in answer_grammar(question, sources).split("\n"))
    while (left := _inlined(rules)) != rules:
        rules = left
    body = re.sub(r'"([^"]*)"|(\[(?:\\.|[^\]\\])*\])| +', _literal, rules["root"])
    return re.compile(body.replace("\\U0010FFFF", "\U0010ffff"))


def _inlined(rules):
    names = "|".join(sorted(rules, key=len, reverse=True))
    a_name = rf'("[^"]*"|\[[^\]]*\])|\b({names})\b'  # outside strings and classes
    return {
        name: re.sub(a_name, lambda match: match[1] or f"({rules[match[2]]})", body)
        for name, body in rules.items()
    }


def _literal(match):
    if match[1] is not None:
        return f"(?:{re.escape(match[1].replace(chr(92) + 'n', chr(10)))})"
    return match[2] or ""


@pytest.mark.parametrize(
    "answer",
    [
        "It takes 42 days. [1]",
        "It takes 42 days [1]",
        "It takes 42 days.[1][2]",
        "Small firms, e.g. yours, pay 1,200 dollars. [2] U.S. firms pay 0.5 % more. [2]",
        "See 21 CFR 820.30 for that! [1]\nIt takes 42 days. [1]",
        "- It takes 42 days. [1]\n- It costs 1,200 dollars. [2]",
        "The sources do not contain the answer.",
    ],
)
def test_sentences_with_citations_may_be_written(answer):
    assert pattern().fullmatch(answer)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("It takes 42 days.", "no citation"),
        ("It takes 42 days. It costs nothing. [1]", "the first sentence has no citation"),
        ("It takes 42 days. [3]", "there is no third source"),
        ("It takes 42 days. [1][1]", "the same source twice"),
        ("It takes 42 days. [0]", "sources are numbered from one"),
        ("It takes 43 days. [1]", "no source has this figure"),
        ("It takes 4,200 days. [1]", "no source has this figure"),
        ("It takes 42 days. [1]" + " It takes 42 days. [1]" * MAX_SENTENCES, "it repeats itself"),
        ("It takes" + " very" * 100 + " long. [1]", "the sentence does not end"),
        ("It [a link](https://evil.example) takes 42 days. [1]", "brackets are for citations"),
        ("", "nothing"),
        ("[1]", "nothing but a citation"),
    ],
)
def test_anything_else_may_not(answer, why):
    assert not pattern().fullmatch(answer), why


def test_where_no_source_has_a_figure_none_may_be_written():
    plain = pattern(sources=(passage("Bees dance."),))
    assert plain.fullmatch("Bees dance. [1]")
    assert not plain.fullmatch("Bees dance 2 times. [1]")


def test_where_the_sources_have_very_many_figures_any_may_be_written():
    table = passage(" ".join(str(number) for number in range(1_000, 2_000)))
    assert pattern(sources=(table,)).fullmatch("It is 77777 of them. [1]")


def test_figures_of_the_question_may_be_repeated():
    assert pattern("What was the fee in 2031?").fullmatch("Nothing is said of 2031 there. [1]")
