"""Print the table of what cannot be carried between protocols, as Markdown for docs/gateway-protocols.md."""

from __future__ import annotations

import sys
from typing import Final

from ai_engine.protocols.canonical.features import PROVIDER_PROTOCOLS, Feature

__all__ = ["feature_table"]

HEADING: Final = "| The request has | to OpenAI's chat completions | to Anthropic | to Gemini |"


def feature_table() -> str:
    """Return the table."""
    lines = [HEADING, "| --- | --- | --- | --- |"]
    for feature in Feature:
        cells = (feature.carried_to(provider) for provider in PROVIDER_PROTOCOLS)
        lines.append(f"| {feature.title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(feature_table())
