"""Questions for an hour, a day of the week or a year that no passage states."""

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.stated_times import asks_for_unstated_time

CHOIR = "The choir meets every fortnight in the hall. Apprentices spend one day a week at the college."
GRUPPE = "Die Gruppe trifft sich vierzehntäglich am Vormittag, der Kurs umfasst zwölf Einheiten."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("At what time does the choir meet?", CHOIR),
        ("On which day do apprentices go to college?", CHOIR),
        ("What year was the hall built?", CHOIR),
        ("Um wie viel Uhr trifft sich die Gruppe?", GRUPPE),
        ("An welchem Wochentag ist der Kurs?", GRUPPE),
        ("In welchem Jahr begann der Kurs?", GRUPPE),
    ],
)
def test_a_time_that_no_passage_states_closes_the_gate(question: str, text: str) -> None:
    assert asks_for_unstated_time(question, [passage(text)])
    assert closes_gate(question, [passage(text)])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("At what time does the choir meet?", "It meets at seven in the hall."),
        ("What time does it close?", "It is open from 9 to 17.30."),
        ("On which day is the deadline?", "Papers are due on 4 May."),
        ("Which day is the hall shut?", "The hall is shut on Tuesdays."),
        ("What year did it open?", "It opened in the 1920s."),
        ("Um wie viel Uhr beginnt die Probe?", "Die Probe beginnt um 19 Uhr."),
        ("Um wie viel Uhr schließt das Tor?", "Bei Sonnenuntergang wird das Tor geschlossen."),
        ("An welchem Tag ist Markt?", "Markt ist mittwochs."),
        ("In welchem Jahr wurde das Haus gebaut?", "Das Haus ist von 1912."),
        ("When does the choir meet?", CHOIR),
        ("Which part of the day is best?", CHOIR),
    ],
)
def test_a_time_in_any_form_is_stated(question: str, text: str) -> None:
    assert not asks_for_unstated_time(question, [passage(text)])


def test_only_passages_near_the_best_are_looked_at() -> None:
    best = passage(CHOIR).model_copy(update={"score": 4.0})
    shop = "The shop opens at 9 a.m. on Mondays."
    far, near = (passage(shop).model_copy(update={"score": score}) for score in (-2.0, 3.0))
    assert asks_for_unstated_time("At what time does the choir meet?", [best, far])
    assert not asks_for_unstated_time("At what time does the choir meet?", [best, near])
