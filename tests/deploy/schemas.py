"""The parts of the Prometheus Operator's two resources (v1) that the chart uses, as JSON schemas."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["PROMETHEUS_RULE", "SERVICE_MONITOR"]

TEXT: Final = {"type": "string", "minLength": 1}
DURATION: Final = {
    "type": "string",
    "pattern": r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
}
TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


METADATA: Final = closed(["name"], name=TEXT, labels=TEXTS)

RULE: Final = closed(
    ["expr"],
    record=TEXT,
    alert=TEXT,
    expr={"type": ["string", "integer"]},
    labels=TEXTS,
    annotations=TEXTS,
    keep_firing_for=DURATION,
    **{"for": DURATION},
)

GROUP: Final = closed(
    ["name"], name=TEXT, interval=DURATION, limit={"type": "integer"}, rules={"type": "array", "items": RULE}
)

PROMETHEUS_RULE: Final = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "PrometheusRule"},
    metadata=METADATA,
    spec=closed(["groups"], groups={"type": "array", "items": GROUP, "minItems": 1}),
)

ENDPOINT: Final = closed(
    ["port"],
    port=TEXT,
    path={"type": "string", "pattern": "^/"},
    interval=DURATION,
    scrapeTimeout=DURATION,
    authorization=closed(
        ["credentials"], type=TEXT, credentials=closed(["name", "key"], name=TEXT, key=TEXT)
    ),
    relabelings={
        "type": "array",
        "items": closed(
            [], action={"enum": ["replace", "labelmap", "keep"]}, targetLabel=TEXT, replacement=TEXT
        ),
    },
)

SERVICE_MONITOR: Final = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "ServiceMonitor"},
    metadata=METADATA,
    spec=closed(
        ["selector", "endpoints"],
        jobLabel=TEXT,
        selector=closed(["matchLabels"], matchLabels=TEXTS),
        endpoints={"type": "array", "items": ENDPOINT, "minItems": 1},
    ),
)
