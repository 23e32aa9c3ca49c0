"""A class as Mermaid, and a finished run as a waterfall."""

from vital_shared.graph import Done, Graph, Pause, Span, fan_out, mermaid, node, waterfall


class Answering(Graph):
    inputs = ("query", "unused")

    @node
    async def agent(self, query) -> tuple[str, ...]:
        return (query,)

    @node(optional=True)
    async def history(self) -> list[str]:
        return []

    @node(pauses=True)
    async def approved(self, agent) -> str:
        raise Pause(agent)

    @fan_out("word", over="agent")
    async def words(self, word, query) -> str:
        return word

    @node
    async def answer(self, approved, words, history=()):
        yield Done(1)

    @node
    async def end(self, answer, agent="default"):
        return 1


def test_a_plan_as_mermaid():
    assert (
        mermaid(Answering.plan)
        == """\
flowchart TD
    in_query([query])
    agent[agent]
    history[history]
    approved{{approved}}
    words[[words]]
    answer[/answer/]
    end_[end]
    in_query --> agent
    agent --> approved
    agent --> words
    in_query --> words
    approved --> answer
    words --> answer
    history -.-> answer
    answer --> end_
    agent --> end_
"""
    )


def test_an_input_and_a_node_of_one_name_are_two_things():
    class G(Graph):
        inputs = ("query",)

        @node(makes="rewritten")
        async def query(self, query):
            return query

    assert "    in_query --> query\n" in mermaid(G.plan)


def test_spans_as_a_waterfall():
    spans = (
        Span("load_agent", "success", 0.0, 0.02),
        Span("rag", "timeout", 0.0, 0.1),
        Span("llm", "success", 0.1, 0.2),
    )
    assert waterfall(spans).splitlines() == [
        "load_agent  success         0.0      20.0 ms  █████",
        "rag         timeout         0.0     100.0 ms  ████████████████████████",
        "llm         success       100.0     100.0 ms                          ████████████████████████",
    ]


def test_a_span_without_length_is_still_seen():
    spans = (Span("a", "success", 0.0, 1.0), Span("b", "success", 1.0, 1.0), Span("c", "success", 0.0, 0.0))
    assert [line.count("█") for line in waterfall(spans).splitlines()] == [48, 1, 1]
    assert waterfall((Span("a", "success", 0.0, 0.0),)).endswith("█")


def test_nothing_is_drawn_of_nothing():
    assert waterfall(()) == ""
