"""Hypothesis strategies for canonical requests and answers."""

from __future__ import annotations

from hypothesis import strategies as st

from ai_engine.protocols.canonical.messages import (
    CallPart,
    CanonicalMessage,
    MediaPart,
    MessagePart,
    OutputPart,
    TextPart,
)
from ai_engine.protocols.canonical.request import (
    CanonicalRequest,
    FunctionTool,
    JsonFormat,
    ReasoningWish,
    Sampling,
    ToolChoice,
)
from vital_shared.llm.base import ModelEvent, ModelToolCall, ReasoningDelta, Stop, TextDelta, Usage

names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,20}", fullmatch=True)
words = st.text('abc éß中\U0001f600"\\\n.,', min_size=1, max_size=20).filter(str.strip)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
objects = st.dictionaries(st.text(max_size=8), scalars | st.lists(scalars, max_size=3), max_size=3)
schemas = st.fixed_dictionaries({"type": st.just("object"), "title": words})
base64 = st.from_regex(r"(?:[A-Za-z0-9+/]{4}){1,3}", fullmatch=True)

texts = st.builds(TextPart, words)
images = st.builds(
    MediaPart, st.just("image"), st.sampled_from(["image/png", "image/jpeg"]), base64
) | st.builds(MediaPart, st.just("image"), url=st.just("https://example.com/picture.png"))
documents = st.builds(
    MediaPart, st.just("document"), st.just("application/pdf"), base64, name=st.just("manual.pdf")
)
sounds = st.builds(MediaPart, st.just("audio"), st.just("audio/wav"), base64)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[CanonicalMessage, ...]:
    """Draw turns of the user and the assistant, behind instructions or not, with calls that are answered."""
    messages: list[CanonicalMessage] = []
    if draw(st.booleans()):
        messages.append(CanonicalMessage("system", tuple(draw(st.lists(texts, min_size=1, max_size=2)))))
    asked = st.lists(texts | images | documents | sounds, min_size=1, max_size=3)
    messages.append(CanonicalMessage("user", (draw(texts), *draw(asked))))
    for turn in range(draw(st.integers(0, 2))):
        calls = [
            CallPart(f"call_{turn}_{number}", name, draw(objects))
            for number, name in enumerate(draw(st.lists(names, max_size=2)))
        ]
        said: list[MessagePart] = [*draw(st.lists(texts, max_size=2)), *calls] or [draw(texts)]
        messages.append(CanonicalMessage("assistant", tuple(said)))
        messages.append(CanonicalMessage("user", _outputs(draw, calls) or (draw(texts),)))
    return tuple(messages)


def _outputs(draw: st.DrawFn, calls: list[CallPart]) -> tuple[MessagePart, ...]:
    return tuple(
        OutputPart(call.id, tuple(draw(st.lists(texts, min_size=1, max_size=2))), failed=draw(st.booleans()))
        for call in calls
    )


tools = st.builds(FunctionTool, names, words | st.just(""), schemas, strict=st.booleans())
choices = (
    st.just(ToolChoice("none"))
    | st.builds(ToolChoice, st.sampled_from(["auto", "required"]), parallel=st.booleans())
    | st.builds(ToolChoice, st.just("tool"), names, parallel=st.booleans())
)
amounts = st.none() | st.floats(0, 1, allow_nan=False)
samplings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2, allow_nan=False),
    top_p=amounts,
    top_k=st.none() | st.integers(1, 100),
    max_output_tokens=st.integers(1, 10_000),
    stop=st.lists(words, max_size=2).map(tuple),
    seed=st.none() | st.integers(0, 2**31),
    frequency_penalty=st.none() | st.floats(0.1, 2, allow_nan=False),
    presence_penalty=st.none() | st.floats(-2, -0.1, allow_nan=False),
)
wishes = st.builds(ReasoningWish, effort=st.sampled_from(["", "low", "medium", "high"]))


@st.composite
def requests(draw: st.DrawFn) -> CanonicalRequest:
    """Draw a request."""
    its_tools = tuple(draw(st.lists(tools, max_size=2)))
    return CanonicalRequest(
        model="a-model",
        messages=draw(conversations()),
        tools=its_tools,
        tool_choice=draw(choices) if its_tools else ToolChoice(),
        sampling=draw(samplings),
        format=draw(st.none() | st.just(JsonFormat()) | st.builds(JsonFormat, schemas)),
        reasoning=draw(wishes),
        user=draw(st.just("") | names),
        stream=True,
        includes_usage=True,
        drop_params=True,
    )


counts = st.integers(0, 10_000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Draw counts whose parts are within their wholes."""
    cached, written, reasoning = draw(counts), draw(counts), draw(counts)
    return Usage(
        input_tokens=cached + written + draw(st.integers(1, 1_000)),
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=reasoning + draw(st.integers(1, 1_000)),
        reasoning_tokens=reasoning,
    )


@st.composite
def answers(draw: st.DrawFn) -> list[ModelEvent]:
    """Draw the events of a whole answer."""
    said = st.text("abc éß中\U0001f600.", min_size=1, max_size=12).filter(lambda text: text == text.strip())
    events: list[ModelEvent] = [ReasoningDelta(text=text) for text in draw(st.lists(said, max_size=3))]
    events += [TextDelta(text=text) for text in draw(st.lists(said, min_size=1, max_size=4))]
    calls = [
        ModelToolCall(id=f"call_{number}", name=name, arguments=draw(objects))
        for number, name in enumerate(draw(st.lists(names, max_size=2)))
    ]
    reason = "tool_calls" if calls else draw(st.sampled_from(["end", "length"]))
    return [*events, *calls, draw(usages()), Stop(reason=reason)]
