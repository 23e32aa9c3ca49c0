"""Measure which questions count as the same in other words: how many rightly, and how many wrongly.

    python bench/similar.py

Prints precision and recall by threshold, for the vectors alone and with the guard that compares the words
(`vital_shared.cache.paraphrase`), over the pairs of ``tests/cache/near_questions.py``; exits with 1 where the
precision at the default threshold is below 0.99. The embedded models have to be installed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cache.near_questions import NOT_SAME, NOT_SAME_LATER, SAME, SAME_LATER

from vital_shared.cache.paraphrase import is_paraphrase
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.pinned_models import BGE_SMALL
from vital_shared.retrieval.weights import installed
from vital_shared.settings import Settings

THRESHOLDS = (0.80, 0.85, 0.90, 0.92, 0.94, 0.96, 0.98)
TARGET = 0.99


class Pair(NamedTuple):
    """Two questions, measured."""

    same: bool
    later: bool
    """Written when the guard was done."""
    cosine: float
    passes: bool
    """The guard."""


async def measure(embedder: Embedder) -> list[Pair]:
    written_first = ((SAME, True, False), (NOT_SAME, False, False))
    written_later = ((SAME_LATER, True, True), (NOT_SAME_LATER, False, True))
    pairs = []
    for questions, same, later in written_first + written_later:
        for both in questions:
            one, other = await embedder.embed_passages(both)
            pairs.append(Pair(same, later, float(one @ other), is_paraphrase(*both)))
    return pairs


def figures(pairs: list[Pair]) -> tuple[str, float]:
    """Precision and recall of what was accepted."""
    accepted = [pair for pair in pairs if pair.same]
    precision = len(accepted) / len(pairs) if pairs else 1.0
    return f"{precision:.3f} ({len(accepted)} of {len(pairs)})", precision


def main() -> int:
    settings = Settings()
    pairs = asyncio.run(measure(Embedder(installed(settings.models_path)[BGE_SMALL.name])))
    passed = True
    later = [pair for pair in pairs if pair.later]
    for title, chosen in (("all", pairs), ("those written afterwards", later)):
        right = sum(pair.same for pair in chosen)
        table = Table("cosine from", "vectors alone: precision", "recall", "with the guard", "recall")
        for threshold in THRESHOLDS:
            near = [pair for pair in chosen if pair.cosine >= threshold]
            guarded = [pair for pair in near if pair.passes]
            alone, (shown, precision) = figures(near)[0], figures(guarded)
            if threshold == settings.cache_similarity:
                passed = passed and precision >= TARGET
            table.add_row(
                f"{threshold:.2f}" + " (default)" * (threshold == settings.cache_similarity),
                alone,
                f"{sum(pair.same for pair in near) / right:.2f}",
                shown,
                f"{sum(pair.same for pair in guarded) / right:.2f}",
            )
        console = Console(width=None if sys.stdout.isatty() else 120)
        console.print(f"{title}: {right} pairs ask the same, {len(chosen) - right} do not")
        console.print(table)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
