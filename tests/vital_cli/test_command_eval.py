"""`vital eval`: questions with known answers, asked and tuned by."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

PARTS = ("spindle", "coolant pump", "door latch", "feed roller", "cutting head", "vacuum table")
STATES = ("overheats", "reports no movement", "draws too much current", "does not answer on the bus")


@pytest.fixture
def questions(data_dir: Path, tmp_path: Path, vital) -> Path:
    """Ingest faults of a machine, which differ in little but their codes, and return questions about them."""
    chance = random.Random(3)
    faults = {
        f"{chance.choice('KMPX')}A-{code}": n for n, code in enumerate(chance.sample(range(1000, 9999), 80))
    }
    sections = [
        f"## {code}\n\nThe {chance.choice(PARTS)} {chance.choice(STATES)}. Operators should run calibration program {n} and log the event."
        for code, n in faults.items()
    ]
    (tmp_path / "faults.md").write_text("# Faults\n\n" + "\n\n".join(sections))
    assert vital("ingest", str(tmp_path / "faults.md"), "--tenant", "plant").exit_code == 0
    known = [
        {"question": f"Machine shows {code}, how do I fix it?", "facts": [f"program {n}"]}
        for code, n in chance.sample(sorted(faults.items()), 24)
    ]
    unknown = [
        {"question": f"Machine shows QZ-{n}, how do I fix it?", "answerable": False} for n in range(11, 22)
    ]
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(known + unknown))
    return path


@pytest.mark.thorough
def test_a_tuning_is_measured_kept_used_reported_and_reset(vital, questions):
    before = json.loads(vital("eval", str(questions), "--tenant", "plant", "--json").stdout)
    result = json.loads(vital("eval", str(questions), "--tenant", "plant", "--tune", "--json").stdout)
    assert (result["before"], result["has_changed"]) == (before, True), result
    assert result["after"]["right"] > before["right"]
    after = json.loads(vital("eval", str(questions), "--tenant", "plant", "--json").stdout)
    assert after["right"] >= result["after"]["right"]

    name = result["tuning"]["name"]
    assert f"{name} tuned by 35 questions" in vital("sources", "list", "--json").stdout
    asked = json.loads(questions.read_text())[0]
    answer = json.loads(vital("ask", asked["question"], "--tenant", "plant", "--json").stdout)
    assert answer["retrieval_tuning"] == name
    elsewhere = json.loads(vital("ask", asked["question"], "--tenant", "other", "--json").stdout)
    assert elsewhere["retrieval_tuning"] is None

    assert "values of the package are in force" in vital("eval", "--reset", "--tenant", "plant").stderr
    again = json.loads(vital("eval", str(questions), "--tenant", "plant", "--json").stdout)
    assert again == before


@pytest.mark.thorough
def test_a_tuning_of_too_few_or_foreign_questions_is_refused(vital, data_dir, tmp_path):
    few = tmp_path / "few.json"
    few.write_text(json.dumps([{"question": "What is a 510(k)?", "facts": ["premarket"]}]))
    done = vital("eval", str(few), "--tune")
    assert done.exit_code == 2
    assert "A tuning needs 20 questions that the documents answer, and this set has 1" in done.stderr
    few.write_text(json.dumps([{"question": f"What is fault {n}?", "facts": [f"F{n}"]} for n in range(20)]))
    assert "No passage answers any of the questions" in vital("eval", str(few), "--tune").stderr


@pytest.mark.thorough
def test_the_figures_are_a_table(vital, data_dir, tmp_path):
    path = tmp_path / "questions.json"
    path.write_text(
        json.dumps(
            [
                {"question": "What is a De Novo request?", "sources": ["de-novo-classification.md"]},
                {"question": "Who won the cup in 2018?", "answerable": False},
            ]
        )
    )
    shown = " ".join(vital("eval", str(path)).stdout.split())
    assert "answered by the first passage 1 of 1" in shown
    assert "without an answer in the documents 0 of 1" in shown


def test_questions_or_a_reset_are_needed(vital, data_dir):
    assert vital("eval").exit_code == 2
    assert vital("eval", "x.json", "--reset").exit_code == 2
