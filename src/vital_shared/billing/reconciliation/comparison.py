"""The differences between the ledger and a provider's export, exact in nano-dollars and tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Final

from vital_shared.billing.reconciliation.reported import (
    ProviderExport,
    UsageAmounts,
    UsageKey,
    add_amounts,
    model_family,
)
from vital_shared.errors import InvalidRequest
from vital_shared.models.base import Frozen
from vital_shared.models.costs import Amount, CostLine
from vital_shared.models.money import to_dollars, to_nanos

__all__ = ["ALL_MODELS", "ComparedUsage", "ReconciliationReport", "ledger_amounts", "reconcile"]

ALL_MODELS: Final = "(all models)"
"""The model of lines that are of all of them."""

_ORDER: Final = ("dollars", "requests", "input_tokens", "cached_input_tokens", "output_tokens")


class ComparedUsage(Frozen):
    """One amount of a day and a model, on both sides."""

    day: str | None
    """In UTC; None: the whole period."""
    model: str
    amount: str
    """``dollars``, ``requests``, ``input_tokens``, ``cached_input_tokens`` or ``output_tokens``."""
    ledger: Amount
    provider: Amount
    difference: Amount
    """The provider's less the ledger's."""
    matches: bool


class ReconciliationReport(Frozen):
    """All amounts that the export reports, and whether the ledger has the same."""

    start: str
    end: str
    """The last day, included."""
    lines: tuple[ComparedUsage, ...]
    left_out: tuple[str, ...] = ()
    """Remarks on lines of the export that are in no amount, such as sums."""

    @property
    def differences(self) -> tuple[ComparedUsage, ...]:
        """The lines that do not match."""
        return tuple(line for line in self.lines if not line.matches)


def ledger_amounts(lines: Iterable[CostLine], providers: Collection[str]) -> dict[UsageKey, UsageAmounts]:
    """Return the ledger's sums of some providers by day and model.

    :param lines: grouped by day and model.
    :param providers: the names before the colon.
    """
    return add_amounts(
        (
            (line.group["day"] or "", model_family(line.group["model"])),
            UsageAmounts(
                line.cost_dollars, line.calls, line.input_tokens, line.cached_input_tokens, line.output_tokens
            ),
        )
        for line in lines
        if (line.group["model"] or "").partition(":")[0] in providers
    )


def reconcile(
    export: ProviderExport,
    ledger: Mapping[UsageKey, UsageAmounts],
    *,
    tolerance_dollars: Decimal = Decimal(0),
    by_day: bool = True,
    by_model: bool = True,
) -> ReconciliationReport:
    """Compare amount by amount, those that the export reports.

    :param tolerance_dollars: the difference of a line's dollars that still matches.
    :raises InvalidRequest: when a line of the export covers several days, and days are compared.
    """
    if by_day and export.period.long_line:
        raise InvalidRequest(f"{export.period.long_line}: compare the whole period (--whole).")
    days = sorted(day for day, _ in export.amounts)
    theirs, ours = (
        add_amounts(
            ((day if by_day else "", model if by_model else ALL_MODELS), amounts)
            for (day, model), amounts in side.items()
        )
        for side in (export.amounts, ledger)
    )
    names = sorted({name for amounts in theirs.values() for name in amounts.reported}, key=_ORDER.index)
    return ReconciliationReport(
        start=str(export.period.first or (days[0] if days else "")),
        end=str(export.period.last or (days[-1] if days else "")),
        left_out=export.left_out,
        lines=tuple(
            _compared(key, name, ours.get(key), theirs.get(key), tolerance_dollars)
            for key in sorted({*theirs, *ours})
            for name in names
        ),
    )


def _compared(
    key: UsageKey, name: str, ours: UsageAmounts | None, theirs: UsageAmounts | None, tolerance: Decimal
) -> ComparedUsage:
    ledger, provider = _value(ours, name), _value(theirs, name)
    difference = provider - ledger
    return ComparedUsage(
        day=key[0] or None,
        model=key[1],
        amount=name,
        ledger=ledger,
        provider=provider,
        difference=difference,
        matches=abs(difference) <= (tolerance if name == "dollars" else 0),
    )


def _value(amounts: UsageAmounts | None, name: str) -> Decimal:
    """Return an amount; dollars in whole nano-dollars, to which each side is rounded once."""
    value = None if amounts is None else getattr(amounts, name)
    if value is None:
        return Decimal(0)
    return to_dollars(to_nanos(value)) if name == "dollars" else Decimal(value)
