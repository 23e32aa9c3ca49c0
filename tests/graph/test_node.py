"""Declarations: what they take, what they refuse, and where they say it is."""

import copy
import dataclasses
import functools
import math
import pickle
import re

import pytest

from vital_shared.graph import Graph, Pause, PlanError, Retry, Skip, fan_out, node, repeat


async def test_a_declared_method_is_still_called_as_it_is():
    class G(Graph):
        inputs = ("x",)

        @node(timeout=1)
        async def a(self, x):
            return x + 1

    assert await G().a(1) == 2


async def test_a_node_makes_a_value_of_its_own_name_or_of_the_declared_one():
    class G(Graph):
        @node
        async def a(self):
            return 1

        @node(makes="b")
        async def make_b(self, a):
            return a + 1

        @fan_out("item", over="items", makes="found")
        async def find(self, item):
            return item

        @node
        async def items(self, b):
            return [b]

    run = await G().run()
    assert (run.value("a"), run.value("b")) == (1, 2)
    assert [outcome.value for outcome in run.value("found")] == [2]
    assert run.value("make_b") is None


def test_a_method_defined_twice_names_both_places(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node  # first of two
            async def a(self):
                return 1

            @node(timeout=2)  # second of two
            async def a(self):  # noqa: F811
                return 2

    assert str(raised.value) == (
        f"node 'a' ({place('second of two')}) is defined twice in one class, first at "
        f"{place('first of two')}: rename one of them"
    )


def test_a_method_decorated_twice_is_reported():
    with pytest.raises(PlanError, match=r"node 'a' \(test_node.py:\d+\) is defined twice in one class"):

        class G(Graph):
            @node
            @node(timeout=2)
            async def a(self):
                return 1


def test_a_node_that_is_lost_to_a_plain_method_of_its_name_is_reported(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node  # lost to a method
            async def a(self):
                return 1

            async def a(self):  # noqa: F811
                return 2

    assert f"node 'G.a' ({place('lost to a method')}) is lost" in str(raised.value)


def test_a_node_that_a_decorator_hides_is_reported():
    def careless(function):
        async def wrapper(self):
            return await function(self)

        return wrapper

    with pytest.raises(PlanError, match=r"node 'G.a' \(test_node.py:\d+\) is lost"):

        class G(Graph):
            @careless
            @node
            async def a(self):
                return 1

    with pytest.raises(PlanError, match=r"node 'H.a' \(test_node.py:\d+\) is lost"):

        class H(Graph):
            @staticmethod
            @node
            async def a():
                return 1


def test_two_functions_of_one_name_outside_a_class_are_none_of_our_business():
    @node
    async def a(self):
        return 1

    first = a

    @node
    async def a(self):
        return 2

    assert first is not a


async def test_a_decorator_that_keeps_the_name_may_stand_on_either_side(place):
    def doubled(function):
        @functools.wraps(function)
        async def wrapper(self, *args):
            return 2 * await function(self, *args)

        return wrapper

    class G(Graph):
        inputs = ("x",)

        @doubled
        @node
        async def above(self, x):
            return x

        @node
        @doubled  # the wrapped one
        async def below(self, x):
            return x

    run = await G().run(x=2)
    assert (run.value("above"), run.value("below")) == (4, 4)
    # The method's own line, not the wrapper's.
    file, line = place("the wrapped one").split(":")
    assert G.plan.node("below").place == f"{file}:{int(line) - 1}"


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
def test_a_timeout_has_to_be_a_finite_number_above_zero(seconds):
    with pytest.raises(PlanError, match=r"node 'G.a' .* not a finite number above 0"):

        class G(Graph):
            @node(timeout=seconds)
            async def a(self):
                return 1


@pytest.mark.parametrize("bound", ["limit", "item_timeout", "deadline"])
def test_the_bounds_of_a_fan_out_have_to_be_above_zero(bound):
    with pytest.raises(PlanError, match=r"node 'G.a' .* not a finite number above 0"):

        class G(Graph):
            inputs = ("items",)

            @fan_out("item", over="items", **{bound: 0})
            async def a(self, item):
                return item


def test_a_timeout_on_a_sync_node_is_an_error(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node(timeout=1)  # sync with timeout
            def a(self):
                return 1

    assert str(raised.value) == (
        f"node 'G.a' ({place('sync with timeout')}) is sync and has a timeout: "
        "a thread cannot be stopped, make the method async"
    )


@pytest.mark.parametrize("bound", ["item_timeout", "deadline"])
def test_a_bound_on_a_sync_fan_out_is_an_error(bound):
    with pytest.raises(PlanError, match="is sync and has a timeout"):

        class G(Graph):
            inputs = ("items",)

            @fan_out("item", over="items", **{bound: 1})
            def a(self, item):
                return item


def test_a_fan_out_needs_its_item_as_a_parameter():
    with pytest.raises(PlanError, match=r"node 'G.a' .* has no parameter 'itm' for its items"):

        class G(Graph):
            inputs = ("items",)

            @fan_out("itm", over="items")
            async def a(self, item):
                return item


def test_a_fan_out_over_an_unknown_value_says_which_was_meant():
    with pytest.raises(PlanError, match="needs 'item', which no node or input makes: did you mean 'items'"):

        class G(Graph):
            inputs = ("items",)

            @fan_out("one", over="item")
            async def a(self, one):
                return one


def test_the_default_of_a_fan_out_stands_for_the_list():
    with pytest.raises(PlanError, match="has the default 'none' for the list 'items'"):

        class G(Graph):
            inputs = ("items",)

            @fan_out("item", over="items")
            async def a(self, item="none"):
                return item


def test_a_retry_needs_an_attempt_and_errors():
    with pytest.raises(PlanError, match="retries with 0 attempts: at least 1 is needed"):

        class G(Graph):
            @node(retry=Retry(on=(ValueError,), attempts=0))
            async def a(self):
                return 1

    for wrong in ((), (BaseException,), (ValueError, "KeyError"), (Pause,), (Skip,)):
        with pytest.raises(PlanError, match=r"node 'H.a' .* retries on .*: name subclasses of Exception"):

            class H(Graph):
                @node(retry=Retry(on=wrong))
                async def a(self):
                    return 1


def test_waits_double_up_to_a_maximum_less_jitter():
    retry = Retry(on=(ValueError,), backoff_seconds=0.1, max_seconds=0.5, jitter=0.5)
    assert [retry.wait_seconds(attempt, 0.0) for attempt in (1, 2, 3, 4, 5000)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert [retry.wait_seconds(attempt, 1.0) for attempt in (1, 2, 3, 4)] == [0.05, 0.1, 0.2, 0.25]
    assert Retry(on=(ValueError,), backoff_seconds=3.0, jitter=0.0).wait_seconds(1, 0.7) == 3.0


def test_a_fallback_is_an_async_function_of_what_the_node_gets():
    def sync(self):
        return 1

    async def other(self, y):
        return y

    async def anything(self, *values):
        return values

    for fallback, message in (
        (sync, "has a fallback that is not an async method"),
        (other, "has a fallback that needs 'y': it gets only what the node gets"),
        (anything, "has a fallback that takes '\\*values': name each value that it needs"),
    ):
        with pytest.raises(PlanError, match=f"node 'G.a' .* {message}"):

            class G(Graph):
                inputs = ("x",)

                @node(fallback=fallback)
                async def a(self, x):
                    return x


def test_a_fallback_makes_what_its_node_makes():
    async def text(self) -> str:
        return "x"

    async def number(self) -> float:
        return 1.0

    async def unknown(self):
        return 1

    with pytest.raises(
        PlanError, match=r"node 'G.a' .* makes int, and its fallback str: declare one type for both"
    ):

        class G(Graph):
            @node(fallback=text)
            async def a(self) -> int:
                return 1

    class Fits(Graph):
        @node(fallback=unknown)
        async def a(self) -> int:
            return 1

        @node(fallback=text)
        async def b(self):
            return 1

        @node(fallback=text)
        async def c(self) -> str | None:
            return None

        @node(fallback=number)
        async def d(self) -> float:
            return 2


@pytest.mark.parametrize("method", [staticmethod, classmethod, property])
def test_a_node_is_a_plain_method(method):
    with pytest.raises((PlanError, AttributeError)):

        class G(Graph):
            @node
            @method
            async def a(self):
                return 1


def test_a_node_takes_self(place):
    with pytest.raises(PlanError) as raised:

        class G(Graph):
            @node  # without self
            async def a():
                return 1

    assert str(raised.value) == f"node 'G.a' ({place('without self')}) takes no self: it has to be a method"


@pytest.mark.parametrize("star", ["*values", "**values"])
def test_a_node_names_each_value_that_it_needs(star):
    scope = {}
    exec(f"async def a(self, {star}): return 1", scope)
    message = f"takes '{star}': name each value that it needs".replace("*", r"\*")
    with pytest.raises(PlanError, match=f"node 'G.a' .* {message}"):
        type("G", (Graph,), {"a": node(scope["a"])})


@pytest.mark.parametrize("name", ["inputs", "plan", "run"])
def test_a_node_cannot_take_a_name_of_the_base_class(name):
    async def method(self):
        return 1

    method.__name__ = name
    with pytest.raises(PlanError, match=f"node 'G.{name}' .* has a name that Graph itself uses: rename it"):
        type("G", (Graph,), {name: node(method)})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Retry(tries=3), "Retry has no option 'tries': it takes on, attempts, backoff_seconds"),
        (lambda: Retry((OSError,), atempts=3), "Retry has no option 'atempts': did you mean 'attempts'?"),
        (lambda: Retry(attempts=3), "Retry is called without 'on': write on=…"),
        (lambda: fan_out("item"), "@fan_out is called without 'over': write over=…"),
        (lambda: fan_out("item", ovr="items"), "@fan_out has no option 'ovr': did you mean 'over'?"),
        (lambda: fan_out("item", "items"), "@fan_out is called without 'over': write over=…"),
        (lambda: repeat(Graph, carry="text", until=bool), "repeat is called without 'limit': write limit=…"),
        (
            lambda: repeat(Graph, carry="text", until=bool, limits=3),
            "repeat has no option 'limits': did you mean 'limit'?",
        ),
    ],
)
def test_a_call_with_a_wrong_or_missing_option_is_explained(call, message):
    with pytest.raises(PlanError, match=re.escape(message)):
        call()


def test_a_retry_can_still_be_copied_and_pickled():
    retry = Retry((OSError,), attempts=2)
    assert pickle.loads(pickle.dumps(retry)) == copy.deepcopy(retry) == dataclasses.replace(retry) == retry
