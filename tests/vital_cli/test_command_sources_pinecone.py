"""`vital sources` and `vital ingest --to` with Pinecone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal
from tests.retrieval.sources.pinecone_server import API_KEY, Fault, PineconeServer, pinecone_server


@pytest.fixture
def pinecone(monkeypatch: pytest.MonkeyPatch) -> Iterator[PineconeServer]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(pinecone_server(PineconeServer(384))) as server,
    ):
        monkeypatch.setenv("VITAL_PINECONE_HOST", server.url)
        monkeypatch.setenv("PINECONE_API_KEY", API_KEY)
        yield server


def row(vital) -> dict[str, object]:
    rows = json.loads(vital("sources", "list", "--json").stdout)
    return next(row for row in rows if row["source"] == "pinecone")


def found(vital, question: str) -> list[str]:
    asked = vital("sources", "test", "pinecone", question, "--json")
    return [passage["uri"] for passage in json.loads(asked.stdout)]


def test_documents_are_ingested_to_pinecone_found_and_follow(vital, data_dir, pinecone, tmp_path):
    note = tmp_path / "zebras.md"
    note.write_text("# Zebras\n\nZebras are exempt from the fee.\n")
    done = vital("ingest", str(note), "--to", "pinecone")
    assert done.exit_code == 0, done.stderr
    assert "searches are answered from the new index" in done.stderr
    assert (row(vital)["healthy"], row(vital)["behind"], row(vital)["dimension"]) == (True, 0, 384)
    assert found(vital, "Zebras")[0] == "zebras.md"

    note.write_text("# Zebras\n\nZebras pay half of the fee.\n")
    assert "pinecone: 1 document written (1 passage), 0 deleted." in vital("ingest", str(note)).stderr
    asked = json.loads(vital("sources", "test", "pinecone", "Zebras", "--json").stdout)
    assert asked[0]["text"] == "Zebras pay half of the fee."
    vital("documents", "delete", asked[0]["document_id"])
    assert "zebras.md" not in found(vital, "Zebras")


def test_an_index_of_an_earlier_version_is_named_and_made_anew_by_the_next_ingest(
    vital, data_dir, pinecone, tmp_path, monkeypatch
):
    note = tmp_path / "zebras.md"
    note.write_text("# Zebras\n\nZebras are exempt from the fee.\n")
    with monkeypatch.context() as earlier:
        for module in ("indexes", "collection"):
            earlier.setattr(f"vital_shared.retrieval.sources.pinecone.{module}.SPARSE_VERSION", 1)
        vital("ingest", str(note), "--to", "pinecone")
        assert row(vital)["note"] == ""
    assert row(vital)["note"] == "made by an earlier version: run `vital sources sync pinecone`"

    monkeypatch.setattr("vital_shared.retrieval.sources.pinecone.collection.READ_AGAIN_SECONDS", 0.0)
    note.write_text("# Zebras\n\nZebras pay half of the fee.\n")
    assert "searches are answered from the new index" in vital("ingest", str(note)).stderr
    assert row(vital)["note"] == ""
    assert found(vital, "Zebras")[0] == "zebras.md"


def test_a_sync_that_was_refused_goes_on_with_the_next(vital, data_dir, pinecone):
    pinecone.fail("/vectors/upsert", Fault(), Fault(status=403))
    refused = vital("sources", "sync", "pinecone")
    assert refused.exit_code == 1
    assert "Pinecone does not allow the request" in refused.stderr
    assert found(vital, "What is a 510(k)?") == []

    assert vital("sources", "sync", "pinecone").exit_code == 0
    assert found(vital, "What is a 510(k)?")[0] == "510k-premarket-notification.md"
    assert "0 documents written" in vital("sources", "sync", "pinecone").stderr


def test_a_wrong_key_is_named_where_sources_are_listed(vital, data_dir, pinecone, monkeypatch):
    monkeypatch.setenv("PINECONE_API_KEY", "pcsk_wrong")
    assert row(vital)["note"] == "Pinecone refused the key: check PINECONE_API_KEY."
    asked = vital("sources", "test", "pinecone", "Zebras")
    assert asked.exit_code == 1
    assert "pcsk_wrong" not in asked.stderr + asked.stdout
