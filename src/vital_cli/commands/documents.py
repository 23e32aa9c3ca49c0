"""``vital documents``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.options import Json, Viewer, examples

if TYPE_CHECKING:
    from vital_shared.models.knowledge import Document
    from vital_shared.store.store import Store
    from vital_shared.workflows.services import Services

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The documents to answer from; `vital ingest` adds some.")

DocumentId = Annotated[str, typer.Argument(metavar="ID", help="Its id: see `vital documents list`.")]


@app.command("list", epilog=examples("vital documents list", "vital documents list --tenant acme --json"))
def list_documents(tenant: Viewer = None, as_json: Json = False) -> None:
    """List the documents."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say, show_table, write_json

    documents = with_store(lambda store: _all(store, tenant))
    if as_json:
        write_json(documents)
    elif documents:
        show_table([_row(document) for document in documents])
    else:
        say("There are no documents yet: add some with `vital ingest PATH`.", "yellow")


@app.command(epilog=examples("vital documents show 3f0c…"))
def show(document_id: DocumentId, tenant: Viewer = None, as_json: Json = False) -> None:
    """Show what is known about a document."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import show_fields, write_json
    from vital_shared.store.knowledge import KnowledgeStore

    document = with_store(lambda store: KnowledgeStore(store.database).get(document_id, tenant_id=tenant))
    if as_json:
        write_json(document)
    else:
        show_fields(
            _row(document)
            | {
                "title": document.title,
                "updated": f"{document.updated_at:%Y-%m-%d %H:%M} UTC",
                "media type": document.media_type,
                "SHA-256": document.content_hash,
            }
        )


@app.command(epilog=examples("vital documents delete 3f0c…", "vital documents delete 3f0c… --tenant acme"))
def delete(document_id: DocumentId, tenant: Viewer = None) -> None:
    """Delete a document; answers given from it are kept."""
    from vital_cli.session import with_services
    from vital_cli.sync_progress import follow_documents
    from vital_cli.terminal import say

    async def work(services: Services) -> None:
        await services.knowledge.delete(document_id, tenant_id=tenant)
        await follow_documents(services)

    with_services(work)
    say(f"Deleted the document {document_id}.", "green")


async def _all(store: Store, tenant: str | None) -> list[Document]:
    from vital_shared.store.knowledge import KnowledgeStore

    knowledge = KnowledgeStore(store.database)
    found: list[Document] = []
    while page := await knowledge.list(tenant_id=tenant, offset=len(found)):
        found += page
    return found


def _row(document: Document) -> dict[str, object]:
    return {
        "id": document.id,
        "uri": document.uri,
        "tenant": document.tenant_id or "(shared)",
        "passages": document.chunks,
        "note": " ".join(document.notes),
    }
