"""`vital ask`, `vital approve` and `vital run`."""

import json
import re

import pytest
from tests.vital_cli.conftest import statuses
from tests.vital_cli.extra_models import BROKEN

from vital_shared.llm.extractive import ExtractiveComposer
from vital_shared.models.event import EventAdapter
from vital_shared.models.workflow_io import WorkflowOutput

QUESTION = "How long does FDA have to review a 510(k)?"
SUM = "What is 12 * 3?"


def test_the_answer_and_its_sources_go_to_stdout_and_the_rest_to_stderr(vital, data_dir):
    done = vital("ask", QUESTION)
    assert done.exit_code == 0, done.stderr
    answer, sources = done.stdout.split("\n\nSources\n")
    numbers = set(re.findall(r"\[\d+\]", answer))
    assert numbers
    assert numbers == set(re.findall(r"^\[\d+\]", sources, flags=re.MULTILINE))
    assert "510k-premarket-notification.md" in sources
    assert "memory: " in done.stderr
    assert re.search(r"quality [01]\.\d\d .* extractive · run_\w+", done.stderr)


def test_json_is_the_output_and_nothing_else(vital, data_dir):
    done = vital("ask", QUESTION, "--json", "--user", "ann", "--tenant", "acme", "--sequential")
    output = WorkflowOutput.model_validate_json(done.stdout)
    assert output.status == "completed"
    assert output.citations
    assert (output.tenant_id, output.execution) == ("acme", "sequential")


def test_events_are_lines_of_json_with_consecutive_numbers(vital, data_dir):
    done = vital("ask", QUESTION, "--events")
    events = [EventAdapter.validate_json(line) for line in done.stdout.splitlines()]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[0].type == "run_started"
    assert events[-1].type == "run_finished"
    assert "".join(event.text for event in events if event.type == "token") == events[-1].output.response


def test_a_waterfall_names_every_node(vital, data_dir):
    done = vital("ask", SUM, "--waterfall", "--json")
    nodes = {timing.node for timing in WorkflowOutput.model_validate_json(done.stdout).timings.nodes}
    assert {"load_agent", "rag_retrieval", "answer"} <= nodes
    assert nodes <= {line.split()[0] for line in done.stderr.splitlines() if "█" in line}


@pytest.mark.parametrize("option", ["--no-rag", "--no-tools"])
def test_parts_can_be_left_out(vital, data_dir, option):
    output = json.loads(vital("ask", SUM, "--json", option).stdout)
    ran = {timing["node"]: timing["status"] for timing in output["timings"]["nodes"]}
    if option == "--no-tools":
        assert output["tool_results"] == []
        assert "tool_suggestion" not in ran
    else:
        assert output["tool_results"][0]["content"] == "12 * 3 = 36"
        assert output["citations"] == []


def test_a_tool_may_be_asked_for_in_any_mode(vital, data_dir):
    output = json.loads(vital("ask", SUM, "--mode", "1", "--tool", "calculator", "--json").stdout)
    assert output["status"] == "completed"
    assert [result["id"] for result in output["tool_results"]] == ["requested-1"]


def test_a_conversation_goes_on_with_the_session_that_is_reported(vital, data_dir):
    first = vital("ask", "What is the De Novo pathway?", "--mode", "4")
    session = re.search(r"--mode 4 --session (\S+)", first.stderr)[1]
    second = json.loads(
        vital("ask", "And its legal basis?", "--mode", "4", "--session", session, "--json").stdout
    )
    assert second["session_id"] == session
    history = next(node for node in second["timings"]["nodes"] if node["node"] == "history")
    assert history["status"] == "success"


def test_another_model_and_agent_answer_where_asked(vital, data_dir):
    done = vital("ask", QUESTION, "--model", "canned", "--agent", "regulatory-expert", "--json")
    output = json.loads(done.stdout)
    assert (output["model"], output["agent_id"]) == ("canned", "regulatory-expert")


def test_what_would_steer_a_terminal_is_not_printed(vital, data_dir):
    done = vital("ask", QUESTION, "--model", "canned")
    assert "in red" in done.stdout
    assert "\x1b" not in done.output


def test_without_a_person_a_run_that_needs_approval_says_how_it_goes_on(vital, data_dir):
    done = vital("ask", SUM, "--mode", "1")
    assert done.exit_code == 3
    assert done.stdout == ""
    assert 'call-1  calculator(expression="12 * 3")  free' in done.stderr
    run_id = re.search(r"vital approve (run_\w+) --all", done.stderr)[1]
    approved = vital("approve", run_id, "--all")
    assert approved.exit_code == 0
    assert "12 * 3 = 36" in approved.stdout
    again = vital("approve", run_id, "--all")
    assert again.exit_code == 2
    assert again.stderr.endswith("does not wait for an answer or an approval: its status is completed\n")


def test_json_of_a_run_that_waits_holds_the_suggested_calls(vital, data_dir):
    done = vital("ask", SUM, "--mode", "1", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["suggested_tools"][0]["id"] == "call-1"


@pytest.mark.parametrize(("approval", "status"), [("all", "success"), ("none", "denied")])
def test_approval_may_be_given_or_refused_beforehand(vital, data_dir, approval, status):
    done = vital("ask", SUM, "--mode", "1", "--approve", approval, "--events")
    assert done.exit_code == 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert "run_paused" in [event["type"] for event in events]
    assert events[-1]["output"]["tool_results"][0]["status"] == status


@pytest.mark.parametrize(("choice", "status"), [("call-1", "success"), ("--none", "denied")])
def test_approve_takes_the_calls_that_are_named(vital, data_dir, choice, status):
    run_id = json.loads(vital("ask", SUM, "--mode", "3", "--json").stdout)["run_id"]
    output = json.loads(vital("approve", run_id, choice, "--json").stdout)
    assert output["tool_results"][0]["status"] == status


def test_a_wrong_approval_leaves_the_run_waiting(vital, data_dir):
    run_id = json.loads(vital("ask", SUM, "--mode", "1", "--json").stdout)["run_id"]
    wrong = vital("approve", run_id, "call-7")
    assert wrong.exit_code == 2
    assert 'no suggested tool call "call-7"' in wrong.stderr
    nobody = vital("approve", run_id)
    assert nobody.exit_code == 2
    assert vital("approve", run_id, "call-1", "--none").exit_code == 2
    assert statuses(data_dir) == ["awaiting_approval"]


def test_run_shows_what_was_asked_and_answered(vital, data_dir):
    output = json.loads(vital("ask", QUESTION, "--json").stdout)
    shown = vital("run", output["run_id"], "--waterfall")
    assert shown.exit_code == 0
    assert QUESTION in shown.stdout
    assert "Status    completed" in shown.stdout
    assert output["response"] in shown.stdout
    assert "█" in shown.stderr
    record = json.loads(vital("run", output["run_id"], "--json").stdout)
    assert record["output"] == output
    assert "checkpoint" not in record


def test_run_shows_what_a_run_waits_for_and_how_it_failed(vital, data_dir, monkeypatch):
    waiting = json.loads(vital("ask", SUM, "--mode", "1", "--json").stdout)["run_id"]
    shown = vital("run", waiting).stdout
    assert "awaiting_approval until" in shown
    assert f"vital approve {waiting} --all" in shown
    monkeypatch.setattr(ExtractiveComposer, "stream", BROKEN.stream)  # not even the last one answers
    failed = vital("ask", QUESTION, "--model", "broken")
    run_id = re.search(r"\((run_\w+)\)", failed.stderr)[1]
    assert "failed: The run failed" in vital("run", run_id).stdout


def test_a_run_that_fails_ends_with_1_and_a_sentence(vital, data_dir, monkeypatch):
    monkeypatch.setattr(ExtractiveComposer, "stream", BROKEN.stream)
    done = vital("ask", QUESTION, "--model", "broken", "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert re.fullmatch(
        r'memory.*\n|Error: The run failed in "answer": The model broke. \(run_\w+\)\n', done.stderr
    )
    assert statuses(data_dir) == ["failed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((" ",), "query must not be blank"),
        (("",), "query must not be blank"),
        (("x" * 10_001,), "query must not be longer than 10,000 characters"),
        (("x", "--mode", "5"), "Invalid value for '--mode': must be less than or equal to 4"),
        (("x", "--mode", "2", "--session", "s1"), "session_id goes with modes 3 and 4"),
        (("x", "--tenant", "a b"), "tenant_id must match"),
        (("x", "--agent", "nobody"), "There is no agent nobody"),
        (("x", "--model", "nothing"), 'There is no model "nothing"'),
        (("x", "--tool", "hammer"), 'There is no tool "hammer"'),
        (("x", "--json", "--events"), "choose one of them"),
        (("x", "--approve", "maybe"), "--approve"),
        ((), "QUESTION"),
    ],
)
def test_bad_input_ends_with_2_and_nothing_is_stored(vital, data_dir, arguments, said):
    done = vital("ask", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert statuses(data_dir) == []


@pytest.mark.parametrize("command", ["approve", "run"])
def test_an_unknown_run_is_said_to_be_unknown(vital, data_dir, command):
    done = vital(command, "run_nope")
    assert done.exit_code == 2
    assert done.stderr == "Error: There is no run run_nope: check its id\n"


def test_without_documents_and_models_there_are_hints(vital, empty_dir):
    done = vital("ask", QUESTION)
    assert done.exit_code == 0
    assert "`vital ingest PATH`" in done.stderr
    assert "`vital models install`" in done.stderr
