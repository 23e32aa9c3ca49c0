"""The client metrics of the semantic conventions for GenAI, recorded through OpenTelemetry's own API.

They go to the meter provider of the process: the application's, or what `exporting` sets up. Names, units and
buckets are the conventions' (https://github.com/open-telemetry/semantic-conventions-genai, "Generative AI
client metrics", 2026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, get_meter

from vital_shared.models.model_call import ModelCall
from vital_shared.monitoring.labels import OTHER, BoundedLabel
from vital_shared.version import __version__

__all__ = ["DURATION", "TIME_PER_OUTPUT_CHUNK", "TIME_TO_FIRST_CHUNK", "TOKEN_USAGE", "record_call"]

DURATION: Final = "gen_ai.client.operation.duration"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
TIME_PER_OUTPUT_CHUNK: Final = "gen_ai.client.operation.time_per_output_chunk"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - tokens of a model

SECONDS_BUCKETS: Final = tuple(0.01 * 2**power for power in range(14))
TOKEN_BUCKETS: Final = tuple(4**power for power in range(14))

_MODELS: Final = BoundedLabel("gen_ai.request.model")
"""Models with a name in these metrics: those that have answered."""

_RESPONSE_MODELS: Final = BoundedLabel("gen_ai.response.model")


@cache
def _histogram(name: str, unit: str, buckets: Sequence[float]) -> Histogram:
    meter = get_meter("vital", __version__)
    return meter.create_histogram(name, unit, explicit_bucket_boundaries_advisory=buckets)


def record_call(
    common: Mapping[str, Any],
    *,
    seconds: float,
    call: ModelCall | None,
    chunk_seconds: Sequence[float],
    response_model: str | None,
    error: str | None,
    context: Context,
) -> None:
    """Count a call of a model.

    :param common: the attributes that its span and its metrics share.
    :param seconds: its whole duration, in seconds.
    :param call: its record; None: no request went out.
    :param chunk_seconds: seconds from its start to each of its chunks.
    :param error: the type of the error; None: there was none.
    :param context: the context of its span, for the exemplars.
    """
    attributes = dict(common)
    attributes["gen_ai.request.model"] = _name(
        _MODELS, common["gen_ai.request.model"], failed=error is not None
    )
    if response_model is not None:
        attributes["gen_ai.response.model"] = _name(_RESPONSE_MODELS, response_model, failed=False)
    duration = attributes if error is None else {**attributes, "error.type": error}
    _histogram(DURATION, "s", SECONDS_BUCKETS).record(seconds, duration, context)
    if chunk_seconds:
        first = _histogram(TIME_TO_FIRST_CHUNK, "s", SECONDS_BUCKETS)
        first.record(chunk_seconds[0], attributes, context)
        between = _histogram(TIME_PER_OUTPUT_CHUNK, "s", SECONDS_BUCKETS)
        for earlier, later in pairwise(chunk_seconds):
            between.record(later - earlier, attributes, context)
    if call is not None and call.tokens.total:
        tokens = _histogram(TOKEN_USAGE, "{token}", TOKEN_BUCKETS)
        tokens.record(call.tokens.input, {**attributes, "gen_ai.token.type": "input"}, context)
        tokens.record(call.tokens.output, {**attributes, "gen_ai.token.type": "output"}, context)


def _name(label: BoundedLabel, value: str, *, failed: bool) -> str:
    """Return the value, or `OTHER` where it is not among the bounded number of those that succeed."""
    known = value in label.names or (not failed and label.admit(value))
    return value if known else OTHER
