"""What questions ask for, and whether an answer has it."""

from __future__ import annotations

import pytest

from vital_shared.llm.question_kinds import asked_attribute, asks_whether, avoids, denies, lacks_kind


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When does it open?", "On weekdays from 9 a.m."),
        ("When are wages paid?", "On the 27th."),
        ("Who inspected it?", "Inspector: Hanna Kowal"),
        ("How many locks are there?", "It has twenty-three, all of them old; none is used."),
        ("Where is it?", "Behind the hall."),
        ("Who can get the ticket?", "Residents of the valley."),
        ("Who is not entitled to a bonus?", "Not for trainees and visitors."),
    ],
)
def test_an_answer_of_the_kind_asked_for_lacks_nothing(question: str, answer: str) -> None:
    assert not lacks_kind(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was it built?", "It is made of brick."),
        ("Who built the climbing net?", "Equipment: Climbing net; Built: 2019; State: usable"),
        ("How many seats has it?", "It is large."),
        ("Who is the head of the club?", "Members pay less."),
    ],
)
def test_an_answer_of_another_kind_does(question: str, answer: str) -> None:
    assert lacks_kind(question, answer)


@pytest.mark.parametrize(
    ("question", "stated"),
    [
        ("How heavy is it?", "It has 9.4 kg."),
        ("What does it cost?", "20 euros"),
        ("how loud is the fan", "35 dB"),
        ("What is your phone number?", "0800 555 7788"),
    ],
)
def test_an_attribute_is_stated_in_its_units(question: str, stated: str) -> None:
    attribute = asked_attribute(question)
    assert attribute is not None
    assert attribute.stated.search(stated)
    assert not attribute.stated.search("It was moved to the hall in spring.")


@pytest.mark.parametrize(
    ("question", "stated", "lacks"),
    [
        (
            "Is overtime paid out in money?",
            "It is compensated by time off, not by money.",
            "It needs approval.",
        ),
        ("Is there a deposit?", "No deposit is taken.", "Bring your card."),
        ("May I take my phone along?", "Phones stay in the locker.", "Bags stay in the locker."),
    ],
)
def test_naming_what_is_asked_for_is_enough_where_yes_or_no_answers(
    question: str, stated: str, lacks: str
) -> None:
    attribute = asked_attribute(question)
    assert attribute is not None
    assert attribute.stated.search(stated)
    assert not attribute.stated.search(lacks)


def test_an_amount_is_not_stated_by_its_name() -> None:
    attribute = asked_attribute("How high is the deposit?")
    assert attribute is not None
    assert not attribute.stated.search("A deposit is taken.")


def test_who_is_in_charge_asks_for_no_money() -> None:
    assert asked_attribute("Who is in charge of it?") is None


@pytest.mark.parametrize("question", ["Who paid for the studies?", "Can I bring my old bicycle?"])
def test_a_payer_and_an_old_thing_ask_for_no_measure(question: str) -> None:
    assert asked_attribute(question) is None


@pytest.mark.parametrize("amount", ["the dividend", "the humidity in the hall", "interest rates"])
def test_an_amount_is_not_high_in_metres(amount: str) -> None:
    assert asked_attribute(f"How high was {amount}?") is None
    tower = asked_attribute("How high was the tower?")
    assert tower is not None
    assert tower.stated.search("It is 40 metres tall.")


def test_how_old_asks_for_an_age() -> None:
    attribute = asked_attribute("How old is the chairman?")
    assert attribute is not None
    assert attribute.stated.search("He is 61 years of age.")


@pytest.mark.parametrize(
    "question", ["permit needed?", "shipping to Jersey possible", "helpline on Sundays?"]
)
def test_keywords_ask_for_yes_or_no_without_a_verb(question: str) -> None:
    assert asks_whether(question)


@pytest.mark.parametrize("question", ["price brook 300", "how much is a permit", "grave of the painter"])
def test_other_keywords_do_not(question: str) -> None:
    assert not asks_whether(question)


def test_a_limit_is_no_denial() -> None:
    assert not denies("No visitor may take in more than two bags.")
    assert denies("No visitor may take in bags.")


def test_what_prevents_something_is_asked_for() -> None:
    assert avoids("How do I keep the pipes from freezing?")
    assert avoids("how to prevent rust")
    assert not avoids("How long do you keep my data?")


def test_when_within_a_question_asks_for_no_time() -> None:
    assert not lacks_kind("What should I wear when it rains?", "Boots and a coat.")
    assert lacks_kind("From when is it open?", "Boots and a coat.")


def test_yes_or_no_is_distinguished_from_what_takes_something_for_granted() -> None:
    assert asks_whether("Can I pay cash?")
    assert not asks_whether("Where can I pay cash?")


@pytest.mark.parametrize("text", ["We do not take cash.", "It's closed.", "Nobody is there.", "They don't."])
def test_a_denial_is_seen(text: str) -> None:
    assert denies(text)


@pytest.mark.parametrize(
    "text", ["No later than 7 days.", "Not only on Mondays.", "At most five, no more than six."]
)
def test_a_bound_is_no_denial(text: str) -> None:
    assert not denies(text)


@pytest.mark.parametrize(
    ("question", "answers", "lacks"),
    [
        ("Where was the organist born?", "She was born in Tromsø.", "She played in Tromsø from 1920."),
        ("When did the founder die?", "He died in 1931.", "He left the firm in 1931."),
        ("When was the weir built?", "The weir was built in 1874.", "The weir holds 3 metres since 1874."),
        ("In what year was the choir founded?", "The choir was founded in 1952.", "The choir won in 1952."),
        ("Address of the depot?", "The depot is in Harbour Street 4, Vaasa.", "The depot has two gates."),
        ("How much does a guard earn?", "A guard gets a salary of 2,100.", "A guard works 36 hours."),
    ],
)
def test_what_is_asked_of_a_life_or_a_work_has_its_words(question: str, answers: str, lacks: str) -> None:
    attribute = asked_attribute(question)
    assert attribute is not None
    assert attribute.stated.search(answers)
    assert not attribute.stated.search(lacks)


@pytest.mark.parametrize("question", ["Why is the second tram cheaper?", "How long must I wait to pay?"])
def test_a_reason_or_a_term_is_no_attribute_of_the_thing(question: str) -> None:
    assert asked_attribute(question) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "The council refused the bridge.",
        "The offer was withdrawn.",
        "The course on sailing was dropped in 2023.",
        "Damage from frost is excluded.",
        "Roaming is off by default.",
        "The pump is switched off at night.",
    ],
)
def test_a_refusal_denies(sentence: str) -> None:
    assert denies(sentence)


@pytest.mark.parametrize(
    ("question", "is_asked"),
    [
        ("What does the licence cost?", True),
        ("What did a tram weigh?", True),
        ("What is the price of the licence?", True),
        ("What's the highest temperature?", True),
        ("what is the fine for fishing", True),
        ("What is the cost centre called?", False),
        ("What does the licence allow?", False),
    ],
)
def test_a_price_or_a_measure_is_a_number_however_it_is_asked_for(question: str, is_asked: bool) -> None:
    assert lacks_kind(question, "The club pays for the licence and for costs of the course.") == is_asked
    assert not lacks_kind(question, "It is 40, the course included.")
    assert not lacks_kind(question, "It is free.")


def test_what_is_excepted_is_denied() -> None:
    assert denies("Staff have free tickets, Saturday nights excepted.")
