"""`vital ask --workflow`: a class of one's own, with the fields of its own input."""

import json
import re

import pytest

WORKFLOW = """
from abc import ABC, abstractmethod
from datetime import date

from pydantic import BaseModel

from vital_shared import Pause, Workflow, WorkflowInput, node
from vital_shared.graph import Graph


class Clause(BaseModel):
    number: int


class ContractInput(WorkflowInput):
    query: str = "Extract."
    text: str
    pages: int = 1
    signed: date | None = None
    clauses: tuple[Clause, ...] = ()
    draft: bool = False


class Contract(BaseModel):
    words: int
    fields: dict[str, str]


class Extract(Workflow[ContractInput, Contract]):
    @node
    async def result(self, input: ContractInput) -> Contract:
        fields = {name: repr(getattr(input, name)) for name in ("pages", "signed", "clauses", "draft", "user_id")}
        return Contract(words=len(input.text.split()), fields=fields)


class Shout(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return query.upper()


class Waiting(Workflow):
    @node(pauses=True)
    async def verdict(self, query: str) -> str:
        raise Pause(query)


class Faulty(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return {}[query]


class Alone(Graph):
    pass


class Draft(Shout, ABC):
    @abstractmethod
    def volume(self) -> int: ...


class Needy(Shout):
    def __init__(self, services, region):
        super().__init__(services)


class Fixed(Shout):
    def __init__(self):
        super().__init__()
"""


@pytest.fixture
def own(tmp_path, empty_dir):
    path = tmp_path / "own.py"
    path.write_text(WORKFLOW)
    return path


def test_its_response_is_printed(vital, own):
    done = vital("ask", "hello", "--workflow", f"{own}:Shout")
    assert (done.exit_code, done.stdout) == (0, "HELLO\n")


def test_fields_are_set_each_as_its_type_has_it(vital, own):
    settings = ("text=3 4", "pages=3", "signed=2026-05-01", 'clauses=[{"number": 2}]', "draft=true")
    done = vital("ask", "--workflow", f"{own}:Extract", *(f"--set={each}" for each in settings))
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {
        "words": 2,
        "fields": {
            "pages": "3",
            "signed": "datetime.date(2026, 5, 1)",
            "clauses": "(Clause(number=2),)",
            "draft": "True",
            "user_id": "'local'",
        },
    }


def test_a_text_that_looks_like_a_number_stays_text(vital, own):
    done = vital("ask", "--workflow", f"{own}:Extract", "--set", "text=42", "--json")
    assert json.loads(done.stdout)["result"]["words"] == 1


def test_fields_come_from_a_file_and_what_is_given_beside_it_goes_before(vital, own, tmp_path):
    file = tmp_path / "input.json"
    file.write_text(json.dumps({"text": "a b " * 50_000, "pages": 7, "user_id": "ann"}))
    arguments = ("ask", "--workflow", f"{own}:Extract", "--input", str(file), "--json")
    result = json.loads(vital(*arguments).stdout)["result"]
    assert (result["words"], result["fields"]["pages"], result["fields"]["user_id"]) == (
        100_000,
        "7",
        "'ann'",
    )
    result = json.loads(vital(*arguments, "--set", "pages=8", "--user", "bob").stdout)["result"]
    assert (result["fields"]["pages"], result["fields"]["user_id"]) == ("8", "'bob'")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--set", "text=a", "--set", "pages=many"), "pages must be a whole number."),
        ((), "text is missing."),
        (("--set", "page=1"), 'ContractInput has no field "page": did you mean "pages"?'),
        (("--set", "zzz=1"), 'ContractInput has no field "zzz": it has query, '),
        (("--set", "text"), '"text" sets no field: write --set field=value.'),
        (("--input", "nosuch.json"), "nosuch.json cannot be read as JSON"),
        (
            ("--set", "text=a", "--set", "clauses=" + "[" * 100_000),
            "clauses must be a list.",
        ),
        (("--set", "text=\udcff"), "The input has half a character"),
        (("--set", 'metadata={"a": "\\ud800"}', "--set", "text=a"), "The input has half a character"),
    ],
)
def test_what_is_wrong_is_refused_in_one_sentence(vital, own, arguments, sentence):
    done = vital("ask", "--workflow", f"{own}:Extract", *arguments)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())


def test_a_file_that_is_nested_too_deeply_is_refused_in_one_sentence(vital, own, tmp_path):
    file = tmp_path / "input.json"
    file.write_text('{"metadata": ' + "[" * 100_000)
    done = vital("ask", "--workflow", f"{own}:Extract", "--input", str(file))
    assert done.exit_code == 2
    assert "cannot be read as JSON: it is nested too deeply" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Alone", "name a subclass of vital_shared.Workflow"),
        ("Draft", "it is abstract, and lacks volume: name a subclass that has what it lacks."),
        ("Needy", "its __init__ needs region; it may take services alone, or have defaults for the rest."),
    ],
)
def test_a_class_that_cannot_be_run_is_refused(vital, own, name, reason):
    done = vital("ask", "a", "--workflow", f"{own}:{name}")
    assert done.exit_code == 2
    assert f"cannot be run by itself: {reason}" in " ".join(done.stderr.split())


def test_an_init_need_not_take_services(vital, own):
    done = vital("ask", "hello", "--workflow", f"{own}:Fixed")
    assert (done.exit_code, done.stdout) == (0, "HELLO\n")


def test_a_run_that_waits_for_something_else_than_approval_is_left_waiting(vital, own):
    done = vital("ask", "a", "--workflow", f"{own}:Waiting")
    assert done.exit_code == 3


def test_a_fault_in_a_node_says_how_to_see_where_it_happened(vital, own, monkeypatch):
    done = vital("ask", "a", "--workflow", f"{own}:Faulty")
    said = " ".join(done.stderr.split())
    assert re.search(
        r'failed in "answer": KeyError \(run_\w+\)\. Run the command again with VITAL_DEBUG=1', said
    )
    monkeypatch.setenv("VITAL_DEBUG", "1")
    assert "Run the command again" not in vital("ask", "a", "--workflow", f"{own}:Faulty").stderr
