"""Values that a paused run keeps come back as they were, or are refused at the pause."""

import asyncio
import enum
import json
import math
import uuid
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    computed_field,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from vital_shared.graph import AnswerError, Checkpoint, CheckpointError, Graph, Pause, Run, node
from vital_shared.graph.restored import difference

T = TypeVar("T")


class Base(BaseModel):
    k: int = 1


class Sub(Base):
    extra: str = "kept"


class Holder(BaseModel):
    one: Base
    many: list[Base] = []


class Box(BaseModel, Generic[T]):
    content: T


class Aliased(BaseModel):
    """Its names are swapped outside, which reading by alias would mix up."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    one: int = Field(alias="two")
    two: int = Field(alias="one", serialization_alias="three")

    @computed_field
    @property
    def total(self) -> int:
        return self.one + self.two


class Hidden(BaseModel):
    secret: str = Field(default="", exclude=True)
    _cached: int = PrivateAttr(default=0)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Renamed(BaseModel):
    """Strict, with a validator before its fields, after which pydantic sees no JSON."""

    model_config = ConfigDict(strict=True)
    many: tuple[int, ...] = ()
    day: date | None = None

    @model_validator(mode="before")
    @classmethod
    def read_old(cls, values: Any) -> Any:
        return values


class Doubling(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def double(cls, number: int) -> int:
        return 2 * number


class Kind(enum.Enum):
    ONE = 1
    TEXT = "1"


class Number(enum.IntEnum):
    ONE = 1


class Point(NamedTuple):
    x: float
    label: str = ""


class Row(TypedDict, total=False):
    name: str
    number: int


@dataclass
class Plain:
    name: str
    made: list[int] = field(default_factory=list)

    @cached_property
    def upper(self) -> str:
        return self.name.upper()


@dataclass(frozen=True, slots=True)
class Slotted:
    number: int
    derived: int = field(default=0, init=False)


@pydantic_dataclass
class Checked:
    number: int


def graph(declared: Any, value: Any) -> type[Graph]:
    async def v(self) -> Any:
        return value

    v.__annotations__["return"] = declared

    async def p(self) -> str:
        raise Pause("?")

    async def out(self, p: str, v: Any) -> Any:
        return v

    return type("G", (Graph,), {"v": node(v), "p": node(pauses=True)(p), "out": node(out)})


async def kept(declared: Any, value: Any) -> Any:
    """Pause, store and resume a run that holds a value, and return what it holds then."""
    made = graph(declared, value)
    run = Run(made.plan, made(), {})
    await run.execute()
    checkpoint = run.checkpoint()
    stored = json.loads(json.dumps(checkpoint.model_dump(mode="json")))  # as the store does
    assert Checkpoint.model_validate_json(checkpoint.model_dump_json()).fingerprint == checkpoint.fingerprint
    again = Run(made.plan, made(), {}, checkpoint=Checkpoint.model_validate(stored), answers={"p": "go on"})
    await again.execute()
    return again.value("out")


def private(value: Hidden, number: int) -> Hidden:
    value._cached = number
    return value


def computed(value: Plain) -> Plain:
    assert value.upper
    return value


def marked(value: Plain) -> Plain:
    value.mark = "lost"  # type: ignore[attr-defined]
    return value


class Access(enum.Flag):
    READ = 1
    WRITE = 2


KEPT = {
    "several flags, which hold themselves": (Access, Access.READ | Access.WRITE),
    "addresses": (IPv4Network, IPv4Network("10.0.0.0/8")),
    "a model of its declared type": (Base, Base(k=2)),
    "models in models": (Holder, Holder(one=Base(k=3), many=[Base()])),
    "aliases that cross and a computed field": (Aliased, Aliased(two=1, one=2)),
    "a strict model behind a validator": (Renamed, Renamed(many=(1,), day=date(2026, 1, 1))),
    "a generic model": (Box[int], Box[int](content=3)),
    "a union that names both": (Sub | Base, Sub(extra="more")),
    "more fields": (Open, Open(any=[1, "two", None])),
    "an enum beside its value": (Kind, Kind.TEXT),
    "a named tuple": (Point, Point(math.inf, "x")),
    "a typed dictionary": (Row, Row(name="n")),
    "a dataclass with a computed property": (Plain, computed(Plain("a", [1]))),
    "a dataclass with slots": (Slotted, Slotted(3)),
    "a dataclass of pydantic": (Checked, Checked(3)),
    "NaN in lists": (list[float], [math.nan, math.inf, -math.inf, -0.0, 5e-324]),
    "a decimal's digits": (Decimal, Decimal("0.100")),
    "a large integer": (int, 10**300),
    "keys that are numbers": (dict[int, str], {1: "one"}),
    "keys that are dates": (dict[date, str], {date(2026, 1, 1): "new year"}),
    "a default dictionary": (defaultdict[str, int], defaultdict(int, a=1)),
    "an ordered dictionary": (OrderedDict[str, int], OrderedDict(b=1, a=2)),
    "an aware time": (datetime, datetime(2026, 1, 1, 12, tzinfo=UTC)),
    "a time with an offset": (datetime, datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))),
    "a path": (PurePosixPath, PurePosixPath("/a/b")),
    "a name": (uuid.UUID, uuid.UUID(int=3)),
    "a literal": (Literal["a", 1], 1),
    "an empty tuple": (tuple[int, ...], ()),
    "text with NUL": (str, "a\0b\u2028"),
}

REFUSED = {
    "a subclass of the declared model": (Base, Sub()),
    "a subclass in a list": (list[Base], [Base(), Sub()]),
    "a subclass in a field": (Holder, Holder(one=Sub())),
    "a text for a kind of text": (str, type("Name", (str,), {})("x")),
    "an enum for an integer": (int, Number.ONE),
    "an integer for a float": (float, 1),
    "a decimal that is no number": (Decimal, Decimal("NaN")),
    "an infinity in what may be anything": (dict[str, Any], {"a": math.inf}),
    "an excluded field": (Hidden, Hidden(secret="x")),
    "a private attribute": (Hidden, private(Hidden(), 3)),
    "a secret": (SecretStr, SecretStr("x")),
    "a validator that changes its own result": (Doubling, Doubling(number=2)),
    "an attribute beside the fields": (Plain, marked(Plain("a"))),
    "a tuple in what may be anything": (dict[str, Any], {"a": (1, 2)}),
    "a number as a key of anything": (dict[Any, int], {1: 1}),
    "keys that become the same": (dict[Any, int], {1: 1, "1": 2}),
    "keys that are tuples": (dict[tuple[int, int], int], {(1, 2): 3}),
    "a date for a union with text before": (list[Any], [date(2026, 1, 1)]),
    "a time of a zone with rules": (datetime, datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))),
    "a deque with a length": (deque[int], deque([1], maxlen=2)),
    "bytes that are no text": (bytes, b"\xff"),
    "half a surrogate": (str, "a\ud800"),
    "half a surrogate as a key": (dict[str, int], {"\udfff": 1}),
    "an integer beyond all limits": (int, 10**5_000),
    "a factory that is none of the type": (defaultdict[str, int], defaultdict(lambda: 7, a=1)),
    "what it does not declare": (tuple[str, ...], ["a list"]),
}


@pytest.mark.parametrize("case", KEPT)
async def test_a_value_comes_back_as_it_was(case):
    declared, value = KEPT[case]
    found = await kept(declared, value)
    assert difference(value, found) is None
    assert type(found) is type(value)
    assert repr(found).replace("TzInfo(0)", "datetime.timezone.utc") == repr(value) or found == value


@pytest.mark.parametrize("case", REFUSED)
async def test_a_value_that_would_come_back_otherwise_is_refused_at_the_pause(case):
    declared, value = REFUSED[case]
    with pytest.raises(CheckpointError, match=r"value 'v' (cannot be stored|is not of the type)") as raised:
        await kept(declared, value)
    assert "\n" not in str(raised.value)
    str(raised.value).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.dates()
    | st.timedeltas()
    | st.sampled_from([*Kind, Number.ONE, Base(), Sub(), Point(1.0), Plain("x"), Slotted(1)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.booleans() | st.none(), inner, max_size=3)
    ),
    max_leaves=5,
)
TYPES: list[Any] = [
    dict[str, Any],
    list[Any],
    tuple[Any, ...],
    int | float | str | None,
    bool | str | Decimal,
    datetime | date | str,
    time | timedelta | bytes,
    dict[int | str | bool, float],
    list[Base | Kind | Point],
    Holder | Base | Plain | Slotted,
    set[int | str],
    deque[float],
    float,
    bytes,
    str,
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(TYPES), ANYTHING)
def test_nothing_comes_back_changed(declared, value):
    try:
        found = asyncio.run(kept(declared, value))
    except CheckpointError:
        return
    assert type(found) is type(value)
    assert repr(found).replace("TzInfo(0)", "datetime.timezone.utc") == repr(value)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_all_that_json_itself_holds_comes_back(value):
    assert repr(asyncio.run(kept(dict[str, Any], value))) == repr(value)


async def waiting(declared: Any) -> tuple[type[Graph], Checkpoint]:
    async def p(self) -> Any:
        raise Pause("?")

    p.__annotations__["return"] = declared
    made = type("G", (Graph,), {"p": node(pauses=True)(p)})
    run = Run(made.plan, made(), {})
    await run.execute()
    return made, run.checkpoint()


@pytest.mark.parametrize(
    ("declared", "answer"),
    [
        (str, 7),
        (int, True),
        (int, "7"),
        (float, "nan"),
        (tuple[str, ...], ["a", 1]),
        (list[int], [1, "2"]),
        (str, None),
        (Kind, 7),
    ],
)
async def test_an_answer_of_a_wrong_type_is_refused(declared, answer):
    made, checkpoint = await waiting(declared)
    with pytest.raises(AnswerError, match="the answer 'p' is not of the type that its node declares"):
        Run(made.plan, made(), {}, checkpoint=checkpoint, answers={"p": answer})


@pytest.mark.parametrize(("declared", "answer"), [(str, "\ud800"), (Base, Sub())])
async def test_an_answer_that_could_not_be_kept_at_another_pause_is_refused(declared, answer):
    made, checkpoint = await waiting(declared)
    with pytest.raises(AnswerError, match="value 'p' cannot be stored"):
        Run(made.plan, made(), {}, checkpoint=checkpoint, answers={"p": answer})


async def test_an_answer_that_nobody_waits_for_is_refused():
    made, checkpoint = await waiting(int)
    with pytest.raises(AnswerError, match="graph 'G' does not wait for 'nobody', but for 'p'"):
        Run(made.plan, made(), {}, checkpoint=checkpoint, answers={"p": 1, "nobody": 1})
    with pytest.raises(AnswerError, match="starts from the beginning"):
        Run(made.plan, made(), {}, answers={"p": 1})


async def test_the_reason_of_a_degradation_can_be_stored_whatever_it_holds():
    class G(Graph):
        @node(optional=True)
        async def a(self) -> int:
            raise ValueError("half \ud800 a letter")

        @node(pauses=True)
        async def p(self, a: int = 0) -> str:
            raise Pause("?")

    run = Run(G.plan, G(), {})
    await run.execute()
    text = run.checkpoint().model_dump_json()
    assert Checkpoint.model_validate_json(text).degradations == tuple(run.degradations)
