"""Questions for the number of something."""

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.counted_things import counts_unknown_thing, lacks_counted_thing
from vital_shared.llm.known_words import KnownWords

WARD = "The ward has 24 beds and a lift. A bed weighs 90 kg, the lamp draws 60 W. The suite sleeps 6."
STATION = "Die Station hat 24 Betten und einen Aufzug. Ein Bett wiegt 90 kg. Die Suite ist für 6."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many nurses are on the ward?", WARD),
        ("how many parking spots are there", WARD),
        ("Wie viele Pflegekräfte hat die Station?", STATION),
        ("Mit wie vielen Fenstern ist die Station gebaut?", STATION),
    ],
)
def test_the_number_of_what_no_passage_has_closes_the_gate(question: str, text: str) -> None:
    assert lacks_counted_thing(question, text)
    assert closes_gate(question, [passage(text)])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many beds are there on the ward?", WARD),
        ("How many kilos does a bed weigh?", WARD),
        ("How many watts does the lamp draw?", WARD),
        ("How many people does the suite sleep?", WARD),
        ("How much extra is the lift?", WARD),
        ("How much is parking?", WARD),
        ("Where is the lift?", WARD),
        ("Wie viele Betten gibt es auf der Station?", STATION),
        ("Wie viele Kilogramm wiegt ein Bett?", STATION),
        ("Für wie viele Personen ist die Suite?", STATION),
        ("Wie viel kostet ein Bett?", STATION),
        ("Wie viel Leistung hat der Aufzug?", STATION),
    ],
)
def test_units_people_and_what_is_there_do_not(question: str, text: str) -> None:
    assert not lacks_counted_thing(question, text)


def test_the_signal_of_an_amount_looks_at_things_and_not_at_units() -> None:
    assert counts_unknown_thing("How much luggage may I bring?", KnownWords(WARD))
    assert not counts_unknown_thing("How many watts does the lamp draw?", KnownWords(WARD))
    assert not counts_unknown_thing("How much heavier is it?", KnownWords(WARD))


COURSE = "A term has eleven rehearsals. There are 74 singers, most of them altos, and three paid breaks."
KURS = "Der Kurs umfasst zwölf Einheiten. 60 Mannschaften und acht Geigen sind da, auf der Wiese 400 Plätze."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many sessions does a term have?", COURSE),
        ("How many members are there?", COURSE),
        ("How many pauses are there?", COURSE),
        ("Wie viele Termine hat der Kurs?", KURS),
        ("Wie viele Teams kommen?", KURS),
        ("Wie viele Violinen gibt es?", KURS),
        ("Wie viele Sitze stehen auf der Wiese?", KURS),
    ],
)
def test_things_that_are_counted_by_another_word_are_there(question: str, text: str) -> None:
    assert not lacks_counted_thing(question, text)
    assert not counts_unknown_thing(question, KnownWords(text))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many tenors sing in the choir?", COURSE),
        ("How many boats are there?", COURSE),
        ("Wie viele Trompeten gibt es?", KURS),
        ("Wie viele Toiletten hat der Kurs?", KURS),
        ("Wie viele Terminals stehen da?", KURS),
    ],
)
def test_other_things_are_not(question: str, text: str) -> None:
    assert lacks_counted_thing(question, text)
