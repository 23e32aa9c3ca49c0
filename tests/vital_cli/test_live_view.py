"""What the live view draws, on consoles of a known size."""

import io
import re

from rich.console import Console

from vital_cli.views.live import LiveView
from vital_cli.views.plain import PlainView
from vital_shared.models.event import NodeFinished, NodeStarted, NodeYielded, Reasoning, Superseded, Token


def drawn(view: LiveView, *, width: int = 60, height: int = 10) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, height=height, color_system=None).print(view)
    return file.getvalue().rstrip("\n").split("\n")


def event(make, seq=1, **fields):
    return make(run_id="run_1", seq=seq, **fields)


def running_view(*events) -> LiveView:
    view = LiveView(Console(file=io.StringIO()))
    for one in events:
        view.show(one)
    return view


def test_nodes_show_whether_they_run_and_how_they_ended():
    view = running_view(
        event(NodeStarted, node="load_agent"),
        event(NodeFinished, node="load_agent", status="success", duration_seconds=0.012),
        event(NodeFinished, node="history", status="skipped", duration_seconds=0.0),
        event(NodeFinished, node="rag_retrieval", status="timeout", duration_seconds=5.0),
        event(NodeStarted, node="answer"),
    )
    text = "\n".join(drawn(view, width=30))
    assert "✓ load_agent 12 ms" in text
    assert re.search(r"- history *\n", text)
    assert "✗ rag_retrieval timeout 5.0 s" in text
    assert re.search(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] answer (<1|\d+) ms", text)


def test_of_a_long_answer_the_end_is_drawn_and_all_of_it_fits_the_screen():
    words = [event(Token, text=f"line {number}\n") for number in range(100)]
    view = running_view(event(NodeStarted, node="answer"), *words)
    lines = drawn(view, height=10)
    assert len(lines) < 10
    assert "line 99" in lines[-2:]
    assert "line 0" not in lines


def test_many_nodes_leave_room_for_the_answer():
    nodes = [event(NodeStarted, node=f"node_{number:02}") for number in range(40)]
    view = running_view(*nodes, event(Token, text="The answer."))
    lines = drawn(view, width=20, height=10)
    assert len(lines) < 10
    assert "The answer." in lines[-1]


def test_in_the_end_all_of_it_is_drawn():
    words = [event(Token, text=f"line {number}\n") for number in range(100)]
    view = running_view(event(NodeStarted, node="answer"), *words)
    view.__exit__()
    lines = drawn(view, height=10)
    assert "line 0" in lines
    assert "line 99" in lines
    assert "✗ answer cancelled" in lines[0]


def test_reasoning_is_drawn_until_the_answer_begins():
    view = running_view(event(NodeStarted, node="answer"), event(Reasoning, text="Let me think."))
    assert "Let me think." in drawn(view)
    view.show(event(Token, text="Yes."))
    assert "Let me think." not in drawn(view)


def test_markup_and_controls_in_an_answer_are_text():
    view = running_view(event(NodeStarted, node="answer"), event(Token, text="[red]x[/red] \x1b[2J :smile:"))
    assert drawn(view)[-1] == "[red]x[/red] \ufffd[2J :smile:"


def test_a_run_that_never_began_draws_nothing():
    view = running_view()
    view.__exit__()
    assert drawn(view) == [""]


def test_what_another_worker_has_superseded_is_drawn_no_more():
    view = running_view(
        event(Token, seq=1, text="Kept. "),
        event(Token, seq=2, text="Begun "),
        event(Token, seq=3, text="here."),
        event(Superseded, seq=4, from_seq=2),
        event(Token, seq=5, text="Gone on elsewhere."),
    )
    assert "Kept. Gone on elsewhere." in drawn(view)[-1]
    view.show(event(Superseded, seq=6, from_seq=1))
    assert "Kept" not in "\n".join(drawn(view))


def test_a_plain_view_says_that_what_it_has_printed_is_superseded(capsys):
    view = PlainView()
    for one in (
        event(Token, text="Begun"),
        event(Superseded, seq=2, from_seq=1),
        event(Token, seq=3, text="Whole"),
    ):
        view.show(one)
    printed = capsys.readouterr()
    assert printed.out == "Begun\nWhole"
    assert "takes the place of the text above" in " ".join(printed.err.split())


def test_a_plain_view_puts_a_remark_within_the_text_on_a_line_of_its_own(capfd):
    view = PlainView()
    for seq, text in enumerate(("One", " line", "\n"), 1):
        view.show(event(Token, seq=seq, text=text))
        view.show(event(NodeYielded, seq=seq, node="notes", item=None, value=seq))
    printed = capfd.readouterr()
    assert printed.out == "One line\n"
    assert printed.err.split("\n") == ["", "notes: 1", "", "notes: 2", "notes: 3", ""]
