from vital_shared.retrieval.ingest.tokens import shorten, tokens


def test_ordinary_english_has_one_to_two_tokens_a_word():
    text = "A phase 1 trial determines the metabolism and pharmacologic actions of the drug in humans."
    assert 1.2 <= tokens(text) / len(text.split()) <= 2.2


def test_long_names_other_scripts_and_numbers_cost_more():
    assert tokens("pembrolizumab") == 6  # WordPiece makes six of it, too
    assert tokens("药品不良反应") == 6
    assert tokens("안녕") == 6
    assert tokens("314159265") == 5
    assert tokens("PDUFA") == 3


def test_a_text_is_shortened_between_words():
    assert shorten("one two  three", 10) == "one two three"
    assert shorten("one two three", 2) == "one two…"


def test_a_text_without_spaces_is_shortened_too():
    assert shorten("药" * 100, 10) == "药" * 10 + "…"
