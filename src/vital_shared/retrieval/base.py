"""The interface of everything that finds passages."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol, runtime_checkable

from vital_shared.billing.run_context import current_account, current_node_name, current_run_context
from vital_shared.models.base import Frozen
from vital_shared.models.charge import MAX_CHARGE_NANOS, Charge
from vital_shared.models.citation import Passage
from vital_shared.models.money import to_nanos
from vital_shared.models.retrieval_tuning import SHIPPED_TUNING, RetrievalTuning
from vital_shared.retrieval.search_usage import SearchUsage, UsageKind, current_usage
from vital_shared.retrieval.usable_passages import usable_passages

__all__ = ["Retrieved", "Source", "TunableSource", "ask", "max_price_of"]


class Source(Protocol):
    """Something that finds passages for a question."""

    @property
    def name(self) -> str:
        """``memory``, ``supabase`` or ``pinecone``."""
        ...

    # A source with a price declares ``cost_dollars``, a Decimal: what each search costs. One that is paid by
    # usage declares ``usage_kinds`` and reports to `current_usage` what its searches use. See `ask`.

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, that this tenant may see: its own and the shared ones.

        :raises VitalError: when the source does not answer.
        """
        ...


@runtime_checkable
class TunableSource(Source, Protocol):
    """A source that applies the tenant's retrieval tuning to its searches."""

    async def search_by(
        self, tuning: RetrievalTuning, query: str, *, tenant_id: str, limit: int
    ) -> tuple[Passage, ...]:
        """Search like `search`, with this tuning instead of the active one.

        :raises VitalError: when the source does not answer.
        """
        ...


async def ask(source: Source, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
    """Search a source, and add the cost to the run's charges, whether or not the search succeeds.

    Passages are made valid for storage and JSON; those beyond `limit` are dropped.

    :raises VitalError: when the source does not answer, or when the run is durable and the store did not
        accept the expected cost of the search.
    """
    status = "cancelled"
    usage = SearchUsage(current_run_context.get())
    item = None if _usage_kinds(source) else await _announced(source)
    token = current_usage.set(usage)
    try:
        found = await source.search(query, tenant_id=tenant_id, limit=limit)
        status = "success"
    except Exception:
        status = "failed"
        raise
    finally:
        current_usage.reset(token)
        usage.charge(status)
        if item is not None:
            _charge(source, item, status)
    return usable_passages(found[:limit])


def max_price_of(source: Source) -> Decimal:
    """Return the maximum cost of a search, in dollars."""
    return sum((kind.max_dollars for kind in _usage_kinds(source)), _fixed_price(source))


def _fixed_price(source: Source) -> Decimal:
    price: Decimal = getattr(source, "cost_dollars", Decimal(0))
    return price


def _usage_kinds(source: Source) -> tuple[UsageKind, ...]:
    kinds: tuple[UsageKind, ...] = getattr(source, "usage_kinds", ())
    return kinds


async def _announced(source: Source) -> str | None:
    """Name a search, and write it down before it is made if it has a price; None: it belongs to no run."""
    context = current_run_context.get()
    if context is None:
        return None
    item = context.next_item("rag")
    if _fixed_price(source):
        await context.announce(_charge_of(source, item, "cancelled").as_estimate())
    return item


def _charge(source: Source, item: str, status: str) -> None:
    context = current_run_context.get()
    if context is not None:
        context.add(_charge_of(source, item, status))


def _charge_of(source: Source, item: str, status: str) -> Charge:
    price = _fixed_price(source)
    return Charge.bounded(
        item=item,
        cost_type="rag",
        name=source.name,
        status=status,
        node=current_node_name(),
        account=current_account(),
        unit_prices={"search": f"{price:f}"},
        cost_nanos=to_nanos(price),
        max_nanos=MAX_CHARGE_NANOS,
    )


class Retrieved(Frozen):
    """The passages of all sources, merged, deduplicated and reranked."""

    passages: tuple[Passage, ...] = ()
    """Best first."""

    answerable: bool = False
    """Whether the best passage is relevant enough to the question to answer from it."""

    top_logit: float | None = None
    """The reranker's best score, even if other scores order the passages; None without a reranker."""

    tuning: RetrievalTuning = SHIPPED_TUNING
    """The tuning that ordered and judged the passages."""
