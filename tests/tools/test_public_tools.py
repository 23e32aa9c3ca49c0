"""Which public services are asked, how often, and with what of the environment."""

import pytest
from tests.tools.public import call, serve

from vital_shared.tools import pubmed, web_search
from vital_shared.tools.openfda import tools as openfda
from vital_shared.tools.public_tools import PublicTools

NONE = b'{"esearchresult": {"count": "0", "idlist": []}}'
KEYS = {"NCBI_API_KEY": "ncbi-secret", "OPENFDA_API_KEY": "fda-secret", "BRAVE_API_KEY": "brave-secret"}


@pytest.fixture
async def service(monkeypatch):
    """All three services, which find nothing."""
    answers = {"/esearch.fcgi": NONE, "/res/v1/web/search": b"{}"}
    async with serve(answers) as running:
        monkeypatch.setattr(pubmed, "ADDRESS", running.url)
        monkeypatch.setattr(openfda, "ADDRESS", running.url)
        monkeypatch.setattr(web_search, "BRAVE_ADDRESS", running.url)
        yield running


async def ask_all(environ, contact="ops@example.org"):
    """Call each tool once, and return what it found."""
    public = PublicTools(contact, environ)
    try:
        arguments = {"fda_label_search": {"drug": "x"}, "fda_event_search": {"drug": "x"}}
        return {t.name: await call(t, **arguments.get(t.name, {"query": "x"})) for t in public.tools}
    finally:
        await public.aclose()


async def test_no_key_is_needed_but_for_the_web(service):
    found = await ask_all({})
    assert list(found) == [
        "pubmed_search",
        "fda_510k_search",
        "fda_recall_search",
        "fda_label_search",
        "fda_event_search",
    ]
    assert all("has no" in each.text for each in found.values())
    assert not any("api_key" in request.query for request in service.requests)


async def test_each_service_gets_its_own_key_and_no_others(service):
    await ask_all(KEYS)
    sent = {request.path: request for request in service.requests}
    assert sent["/esearch.fcgi"].query["api_key"] == "ncbi-secret"
    assert sent["/drug/event.json"].query["api_key"] == "fda-secret"
    web = sent["/res/v1/web/search"]
    assert web.headers["X-Subscription-Token"] == "brave-secret"
    for path, request in sent.items():
        reported = f"{request.path_qs} {dict(request.headers)}"
        assert sum(key in reported for key in KEYS.values()) == 1, path


async def test_their_operators_can_reach_ours(service):
    await ask_all(KEYS)
    assert all("ops@example.org" in request.headers["User-Agent"] for request in service.requests)
    assert service.requests[0].query["email"] == "ops@example.org"


@pytest.mark.parametrize(("environ", "gaps"), [({}, [1 / 3, 1 / 4]), (KEYS, [1 / 10, 1 / 4, 1])])
def test_the_rates_are_those_that_the_services_allow(environ, gaps):
    """NCBI: 3 a second, 10 with a key; openFDA: 240 a minute; Brave's smallest plan: 1 a second."""
    assert [api._gap for api in PublicTools("", environ).apis] == gaps


def test_they_only_read_but_what_is_asked_goes_out_so_that_manual_modes_want_approval():
    for each in PublicTools("", KEYS).tools:
        assert each.read_only
        assert each.requires_approval
