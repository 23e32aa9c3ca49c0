"""The tools that ask public services, with what the environment says of keys."""

from __future__ import annotations

from collections.abc import Mapping

from vital_shared.tools import pubmed, web_search
from vital_shared.tools.base import Tool
from vital_shared.tools.openfda import tools as openfda
from vital_shared.tools.public_api import PublicApi

__all__ = ["PublicTools"]


class PublicTools:
    """PubMed and openFDA, which need no key, and the web where there is one.

    Keys allow more requests: ``NCBI_API_KEY``, ``OPENFDA_API_KEY``; the web search needs ``BRAVE_API_KEY``.

    :param contact: the address that PubMed asks for; empty: none.
    :param environ: the environment.
    """

    def __init__(self, contact: str, environ: Mapping[str, str]) -> None:
        ncbi, fda, brave = (
            environ.get(name, "") for name in ("NCBI_API_KEY", "OPENFDA_API_KEY", "BRAVE_API_KEY")
        )
        literature = PublicApi(
            "PubMed",
            pubmed.ADDRESS,
            per_second=10 if ncbi else 3,
            contact=contact,
            secrets={"api_key": ncbi} if ncbi else None,
        )
        records = PublicApi(
            "openFDA",
            openfda.ADDRESS,
            per_second=4,
            contact=contact,
            secrets={"api_key": fda} if fda else None,
        )
        self.apis = [literature, records]
        """The services behind them."""
        self.tools: tuple[Tool, ...] = (pubmed.pubmed(literature, contact), *openfda.openfda(records))
        """In the order in which they are offered."""
        if brave:
            web = PublicApi(
                "The web search",
                web_search.BRAVE_ADDRESS,
                per_second=1,
                contact=contact,
                headers={"X-Subscription-Token": brave},
            )
            self.apis.append(web)
            service = web_search.BraveSearch(web)
            self.tools += (web_search.web_search(service, web_search.BRAVE_DOLLARS),)

    async def aclose(self) -> None:
        """Close the connections."""
        for api in self.apis:
            await api.aclose()
