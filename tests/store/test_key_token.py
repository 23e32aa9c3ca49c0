"""A key's text is read exactly, or not at all."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.store import key_token
from vital_shared.store.key_token import KeyToken

HEX = "0123456789abcdef"


@given(st.text(HEX, min_size=16, max_size=16), st.text(HEX, min_size=64, max_size=64))
def test_what_is_written_is_read_back(key_id: str, secret: str):
    token = KeyToken(key_id, secret)
    assert KeyToken.parse(token.text) == token
    assert token.fits(token.secret_hash)


@given(st.text() | st.from_regex(r"vital_[0-9a-z]*_[0-9a-zA-Z_-]*", fullmatch=True))
def test_a_text_is_read_only_if_it_would_be_written_so(text: str):
    token = KeyToken.parse(text)
    assert token is None or token.text == text


@given(st.integers(0, 86), st.characters())
def test_one_wrong_character_is_noticed(place: int, character: str):
    token = KeyToken.make()
    text = token.text
    changed = text[:place] + character + text[place + 1 :]
    read = KeyToken.parse(changed)
    assert changed == text or read is None or read.id != token.id or not read.fits(token.secret_hash)


def test_new_ones_have_256_random_bits():
    tokens = [KeyToken.make() for _ in range(100)]
    assert len({token.secret for token in tokens}) == 100
    assert all(KeyToken.parse(token.text) == token for token in tokens)
    assert {len(token.secret) * 4 for token in tokens} == {256}


def test_the_secret_is_not_printed():
    token = KeyToken.make()
    assert token.secret not in f"{token} {token!r}"


def test_hashes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch):
    compared = []
    constant_time = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return constant_time(one, other)

    monkeypatch.setattr(key_token.hmac, "compare_digest", compare)
    token = KeyToken.make()
    assert token.fits(token.secret_hash)
    assert not token.fits("0" * 64)
    assert compared == [(token.secret_hash, token.secret_hash), (token.secret_hash, "0" * 64)]
