"""From a class to its plan: who needs whom, what a subclass may change, and what is an error."""

from typing import Any

import pytest

from vital_shared.graph import Graph, PlanError, fan_out, node


def test_parameters_are_the_edges():
    class G(Graph):
        inputs = ("x", "unused")

        @node
        async def d(self, b, c):
            return b + c

        @node
        async def b(self, a):
            return a

        @node
        async def c(self, a, x):
            return a + x

        @node
        async def a(self, x):
            return x

    plan = G.plan
    order = [one.name for one in plan.nodes]
    assert order == ["a", "b", "c", "d"]
    assert [order[i] for i in plan.node("a").successors] == ["b", "c"]
    assert [order[i] for i in plan.roots] == ["a"]
    assert plan.inputs == ("x",)
    assert plan.needs == (0, 1, 1, 2)
    with pytest.raises(KeyError):
        plan.node("x")


def test_nodes_stand_as_they_were_defined_where_that_is_possible():
    class G(Graph):
        @node
        async def late(self, early):
            return 1

        @node
        async def other(self):
            return 1

        @node
        async def early(self):
            return 1

        @node
        async def last(self):
            return 1

    assert [one.name for one in G.plan.nodes] == ["other", "early", "late", "last"]


def test_a_plan_is_immutable():
    class G(Graph):
        @node
        async def a(self):
            return 1

    for thing, name in (
        (G.plan, "nodes"),
        (G.plan.nodes[0], "function"),
        (G.plan.nodes[0].declaration, "makes"),
    ):
        with pytest.raises(AttributeError):
            setattr(thing, name, None)


def test_an_unknown_parameter_says_which_was_meant(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            inputs = ("question",)

            @node  # unknown parameter
            async def answer(self, qestion):
                return qestion

    assert str(raised.value) == (
        f"node 'G.answer' ({place('unknown parameter')}) needs 'qestion', which no node or input makes: "
        "did you mean 'question'?"
    )


def test_an_unknown_parameter_is_an_error_with_a_default_too():
    with pytest.raises(PlanError, match="needs 'passages', which no node or input makes: add a node of that"):

        class G(Graph):
            @node
            async def answer(self, passages=()):
                return passages


def test_a_circle_is_named_in_its_order(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node
            async def before(self):
                return 1

            @node  # in the circle
            async def a(self, c, before):
                return c

            @node
            async def b(self, a):
                return a

            @node
            async def c(self, b):
                return b

            @node
            async def behind(self, c):
                return c

    assert str(raised.value) == (
        f"graph 'G' goes round in a circle: a → b → c → a; node 'G.a' ({place('in the circle')}) waits for itself"
    )


def test_a_node_that_needs_itself_is_a_circle():
    with pytest.raises(PlanError, match=r"circle: a → a; node 'G\.a' \(test_plan\.py:\d+\) waits for itself"):

        class G(Graph):
            @node
            async def a(self, a):
                return a


def test_a_circle_through_a_fan_out_is_a_circle():
    with pytest.raises(PlanError, match="goes round in a circle"):

        class G(Graph):
            @fan_out("item", over="b")
            async def a(self, item):
                return item

            @node
            async def b(self, a):
                return a


def test_two_makers_of_one_value_are_an_error(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node  # first maker
            async def a(self):
                return 1

            @node(makes="a")  # second maker
            async def b(self):
                return 1

    assert str(raised.value) == (
        f"node 'G.b' ({place('second maker')}) and node 'G.a' ({place('first maker')}) both make 'a': "
        "a value has one maker, rename one of them"
    )


def test_a_node_cannot_make_an_input(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            inputs = ("x",)

            @node(makes="x")  # makes an input
            async def a(self):
                return 1

    assert str(raised.value) == (
        f"node 'G.a' ({place('makes an input')}) makes 'x', which is an input of the graph: rename it"
    )


def test_inputs_are_a_tuple():
    with pytest.raises(PlanError, match="graph 'G' has the inputs 'query': write a tuple of names"):

        class G(Graph):
            inputs = "query"


def test_who_reads_an_optional_node_has_a_default(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node(optional=True)  # the optional one
            async def a(self):
                return 1

            @node  # its reader
            async def b(self, a):
                return a

    assert str(raised.value) == (
        f"node 'G.b' ({place('its reader')}) reads 'a', which optional node 'G.a' ({place('the optional one')}) "
        "may not make: give the parameter a default"
    )


def test_who_fans_out_over_an_optional_node_has_a_default():
    with pytest.raises(PlanError, match="fans out over 'items', which optional node"):

        class G(Graph):
            @node(optional=True)
            async def items(self):
                return [1]

            @fan_out("item", over="items")
            async def b(self, item):
                return item


class Base(Graph):
    inputs = ("x",)

    @node(timeout=5)
    async def a(self, x):
        return x + 1

    @node(optional=True)
    async def b(self, a):
        return a + 1

    @node
    async def c(self, a, b=None):
        return (a, b)


async def test_a_subclass_adds_nodes():
    class More(Base):
        @node
        async def d(self, c):
            return [*c]

    assert (await More().run(x=1)).value("d") == [2, 3]
    assert len(Base.plan.nodes) == 3


async def test_a_subclass_replaces_a_node_and_calls_it():
    class Other(Base):
        async def a(self, x):
            return 10 * await super().a(x)

    assert Other.plan.node("a").declaration == Base.plan.node("a").declaration
    assert (await Other().run(x=1)).value("c") == (20, 21)
    assert (await Base().run(x=1)).value("c") == (2, 3)


async def test_a_subclass_that_declares_a_node_anew_replaces_its_declaration():
    class Other(Base):
        @node(timeout=1)
        async def a(self):
            return 0

    assert Other.plan.node("a").declaration.timeout == 1
    assert Other.plan.inputs == ()
    assert (await Other().run()).value("a") == 0


async def test_a_subclass_drops_a_node_that_is_read_with_a_default():
    class Less(Base):
        b = None

    run = await Less().run(x=1)
    assert run.value("c") == (2, None)
    assert [one.name for one in Less.plan.nodes] == ["a", "c"]


async def test_a_dropped_node_can_be_made_again_further_down():
    class Less(Base):
        b = None

    class Again(Less):
        @node
        async def b(self):
            return "again"

    assert (await Again().run(x=1)).value("c") == (2, "again")


def test_a_dropped_node_that_is_still_needed_is_an_error():
    with pytest.raises(PlanError) as raised:

        class Less(Base):
            a = None

    assert (
        "needs 'a', which the class has dropped: drop this node too, or give the parameter a default"
        in str(raised.value)
    )
    assert str(raised.value).startswith("node 'Base.b' (test_plan.py:")


def test_a_list_that_is_dropped_takes_its_fan_out_along():
    class Lists(Graph):
        @node(optional=True)
        async def items(self):
            return [1]

        @fan_out("item", over="items")
        async def found(self, item=()):
            return item

    with pytest.raises(PlanError, match=r"needs 'items', which the class has dropped: drop this node too$"):

        class Less(Lists):
            items = None


def test_an_override_has_to_be_a_method(place):
    with pytest.raises(PlanError) as raised:

        class Wrong(Base):
            a = 3

    assert str(raised.value).endswith("is replaced in Wrong by 3: use a method, or None to drop the node")


def test_an_override_is_checked_against_the_declaration_that_it_keeps(place):
    with pytest.raises(PlanError) as raised:

        class Sync(Base):
            def a(self, x):  # override that is sync
                return x

    assert str(raised.value).startswith(
        f"node 'Sync.a' ({place('override that is sync')}) is sync and has a timeout"
    )


async def test_of_two_mixins_the_first_one_counts_as_for_any_method():
    class Left:
        @node
        async def a(self):
            return "left"

    class Right:
        @node
        async def a(self):
            return "right"

        @node
        async def b(self, a):
            return a + "!"

    class G(Left, Right, Graph):
        pass

    assert (await G().run()).value("b") == "left!"


async def test_mixins_override_each_other_with_super():
    class Plain:
        @node
        async def a(self):
            return 1

    class Doubled(Plain):
        async def a(self):
            return 2 * await super().a()

    class Added(Plain):
        async def a(self):
            return 3 + await super().a()

    class G(Doubled, Added, Graph):
        pass

    assert (await G().run()).value("a") == 8


async def test_keyword_only_and_positional_only_parameters():
    class G(Graph):
        inputs = ("x", "y", "z")

        @node
        async def a(self, x, /, y, *, z):
            return (x, y, z)

        @node
        async def b(self, z, x, /):
            return (z, x)

        @node
        async def c(self, *, a, b):
            return (a, b)

        @node
        def d(self, *, y):
            return y

    run = await G().run(x=1, y=2, z=3)
    assert (run.value("c"), run.value("d")) == (((1, 2, 3), (3, 1)), 2)


async def test_a_dropped_value_moves_no_other_argument():
    class G(Graph):
        inputs = ("x",)

        @node(optional=True)
        async def a(self):
            return "a"

        @node
        async def b(self, a="no a", x="no x", /):
            return (a, x)

    class Less(G):
        a = None

    assert (await Less().run(x=1)).value("b") == ("no a", 1)


async def test_the_default_of_a_value_that_is_always_made_is_not_used():
    class G(Graph):
        inputs = ("x",)

        @node
        async def a(self, x=5):
            return x

        @node
        async def b(self, a=7):
            return a

    assert (await G().run(x=None)).value("b") is None
    assert G.plan.node("b").defaults == ()


def test_sync_generators_are_an_error():
    with pytest.raises(PlanError, match=r"node 'G\.a' .* is a sync generator: make it async"):

        class G(Graph):
            @node
            def a(self):
                yield 1


def test_a_long_chain_compiles():
    names: dict[str, Any] = {"inputs": ("n0",)}
    for i in range(1, 3000):
        scope: dict[str, Any] = {}
        exec(f"async def n{i}(self, n{i - 1}): return n{i - 1} + 1", scope)
        names[f"n{i}"] = node(scope[f"n{i}"])
    long = type("Long", (Graph,), dict(reversed(names.items())))
    assert [one.name for one in long.plan.nodes[:2]] == ["n1", "n2"]


def test_messages_are_one_sentence():
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node
            async def a(self, *values):
                return values

    assert "\n" not in str(raised.value)
