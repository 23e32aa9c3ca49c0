"""JSON like what providers send, but for some of its values."""

import copy
import json

from hypothesis import strategies as st

from vital_shared.llm.wires.sse import EventReader

ODD_TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "1e9",
    "nan",
    "null",
    "{}",
    "{",
    "[1]",
    '{"thing": "x"}',
    "[DONE]",
    "error",
    "\0",
    "\ud83d",
    "\ude00",
    "é" * 3000,
)
NESTED = json.loads("[" * 200 + "]" * 200)
ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([-1, 0, 1, 500, 10**7, 10**7 + 1, 10**15]),
    st.floats(),
    st.sampled_from(ODD_TEXTS),
    st.text(max_size=5),
    st.sampled_from(
        [[], {}, [None], [[]], [{}], {"": None}, {"text": "x"}, {"type": 1}, {"error": "x"}, NESTED]
    ),
)
CHANGES = st.sampled_from(["replace", "replace", "remove", "wrap", "unwrap", "rename", "repeat"])


def events_of(parts):
    """Return the JSON of a stream's events, without what is none."""
    reader = EventReader()
    found = [data for part in parts for data in reader.feed(part)]
    return [json.loads(data) for data in found if data.startswith(b"{")]


def written(events):
    """Write the events as data, also what JSON proper does not have: NaN, and halves of surrogate pairs."""
    return [json.dumps(event).encode() for event in events]


@st.composite
def mutated(draw, shapes, most=5):
    """Draw the events of one of the shapes (lists of events), some of them changed in some places."""
    events = copy.deepcopy(draw(st.sampled_from(shapes)))
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(events))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        _change(holder, key, draw(CHANGES), draw(ODD_VALUES))
    return events


def _places(value, depth=0):
    """Give each place within a value: what holds it, and its key there."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys if depth < 20 else ():
        yield value, key
        yield from _places(value[key], depth + 1)


def _change(holder, key, change, odd):
    if change == "remove":
        del holder[key]
    elif change == "wrap":
        holder[key] = [holder[key]]
    elif change == "unwrap" and isinstance(holder[key], list) and holder[key]:
        holder[key] = holder[key][0]
    elif change == "rename" and isinstance(holder, dict):
        holder[f"other_{key}"] = holder.pop(key)
    elif change == "repeat" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[key] = copy.deepcopy(odd)
