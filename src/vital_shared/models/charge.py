"""What one thing of a run has cost: a call of a model or a tool, or the search of a source."""

from __future__ import annotations

from typing import Literal

from vital_shared.models.base import Frozen
from vital_shared.models.model_call import Tokens

__all__ = ["Charge", "CostType"]

CostType = Literal["llm", "tools", "rag"]
"""Closed, since it is a metric's label."""


class Charge(Frozen):
    """One line of a run's bill, and one row of the ledger; also where it cost nothing.

    Money is whole nano-dollars (10⁻⁹ dollars).
    """

    item: str
    """Names the thing within its run, so that it is written once, such as ``tools/call-1``."""

    cost_type: CostType
    name: str
    """Of the model (``provider:model``), the tool or the source."""

    status: str
    """How it ended: success, failed, timeout, cancelled."""

    tokens: Tokens = Tokens()
    unit_prices: dict[str, str] | None = None
    """What it was computed with, in dollars as text, such as ``{"input_per_million": "0.15"}``; None: nobody
    knows the price, and the cost of 0 is no real one."""

    cost_nanos: int = 0
