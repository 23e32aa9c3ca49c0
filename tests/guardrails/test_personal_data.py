"""What is recognised as personal data, and what only looks like it."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.variants import sampled

from vital_shared.errors import ConfigurationError
from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.personal_data import KINDS, find_personal_data
from vital_shared.guardrails.pipeline import Guardrails


def kinds_in(text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in find_personal_data(text)]


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("Write to ann.lee+x@mail.example.co.uk, please.", "email", "ann.lee+x@mail.example.co.uk"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "iban", "DE89 3704 0044 0532 0130 00"),
        ("pay GB82WEST12345698765432 now", "iban", "GB82WEST12345698765432"),
        ("card 4111 1111 1111 1111 expires", "credit_card", "4111 1111 1111 1111"),
        ("card 378282246310005.", "credit_card", "378282246310005"),
        ("from 192.168.1.20 today", "ip_address", "192.168.1.20"),
        ("from 2001:db8::8a2e:370:7334 today", "ip_address", "2001:db8::8a2e:370:7334"),
        ("SSN 536-90-4399.", "us_ssn", "536-90-4399"),
        ("Steuer-ID 36 574 261 809", "de_tax_id", "36 574 261 809"),
        ("call +49 30 901820 today", "phone", "+49 30 901820"),
        ("call (212) 555-0187 today", "phone", "(212) 555-0187"),
        ("the key sk-proj-abcdefghijklmnop1234 is", "secret", "sk-proj-abcdefghijklmnop1234"),
    ],
)
def test_personal_data_is_found(text: str, kind: str, found: str) -> None:
    assert (kind, found) in kinds_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "IBAN DE89 3704 0044 0532 0130 01 has a wrong check digit",
        "order 4111 1111 1111 1112 is no card",
        "version 1.2.3 of 2024-05-06, at 10:20:30",
        "300.400.500.600 is no address",
        "See section 3.2.1 and [1], 42 days, 1,000,000 widgets.",
        "user@host without a domain",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert kinds_in(text) == []


@given(st.text(max_size=300))
def test_what_is_masked_is_restored_exactly(text: str) -> None:
    mask = Mask("run_1")
    (hidden,) = mask.hide((text,))
    assert mask.restore(hidden) == text


@given(
    st.lists(st.sampled_from(["ann@example.org", "4111111111111111", "+49 30 901820", " and ", "<EM", ">"]))
)
def test_nothing_of_it_is_left_in_a_masked_text(parts: list[str]) -> None:
    text = " ".join(parts)
    mask = Mask("run_1")
    (hidden,) = mask.hide((text,))
    assert not any(each in hidden for each in ("ann@example.org", "4111111111111111", "+49 30 901820"))
    assert mask.restore(hidden) == text


def test_the_same_text_has_one_placeholder_in_a_run_and_another_in_the_next() -> None:
    text = "ann@example.org"
    (one,), (again,), (other,) = (Mask(run).hide((text,)) for run in ("run_1", "run_1", "run_2"))
    assert one == again != other


FOUND = {"sk-": 981, "1.1.1.1 ": 25_000}
"""The places that are found of a piece that is repeated; none of any other."""


@pytest.mark.parametrize(
    "piece", sampled(["0", "a@", "1.", ":", "DE89 ", "(0", "sk-", "+1 ", "eyJ.", "a@a.", "1.1.1.1 "], 5)
)
def test_long_texts_are_read_in_linear_time(piece: str) -> None:
    """A quadratic reading of this much would take minutes."""
    places = find_personal_data(piece * (200_000 // len(piece)))
    assert len(list(places)) == FOUND.get(piece, 0)


def test_a_missing_package_is_reported_when_the_guardrails_are_made(monkeypatch):
    monkeypatch.setitem(sys.modules, "vital_shared.guardrails.check_digits", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'vital-engine\[guardrails\]'"):
        Guardrails(GuardrailTable(mask=KINDS))
