"""``vital sources``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vital_cli.options import Json, examples

if TYPE_CHECKING:
    from vital_shared.models.citation import Passage
    from vital_shared.workflows.services import Services

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The sources of passages: memory, and copies elsewhere.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as supabase: see `vital sources list`.")]


@app.command("list", epilog=examples("vital sources list", "vital sources list --json"))
def list_sources(as_json: Json = False) -> None:
    """List the sources: which are configured, whether they answer, and what they hold."""
    from vital_cli.session import with_services
    from vital_cli.terminal import show_table, write_json
    from vital_cli.views.sources import source_rows

    rows = with_services(source_rows)
    if as_json:
        write_json(rows)
    else:
        show_table(
            [
                {
                    "source": row.source,
                    "state": _state(row.configured, row.healthy),
                    "passages": row.passages,
                    "embedder": f"{row.embedder} ({row.dimension})" if row.embedder else "",
                    "version": row.version,
                    "behind": row.behind,
                    "note": row.note,
                }
                for row in rows
            ]
        )


@app.command("test", epilog=examples('vital sources test supabase "What is a 510(k)?" --tenant acme'))
def ask_source(
    name: Name,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="Anything that a document answers.")],
    tenant: Annotated[
        str, typer.Option(help="The tenant whose documents are searched, in addition to the shared ones.")
    ] = "local",
    as_json: Json = False,
) -> None:
    """Ask one source, and show the passages that it finds, best first."""
    import time

    from vital_cli.session import open_session
    from vital_cli.terminal import say, show_table, write_json
    from vital_cli.views.words import counted, duration

    with open_session() as session:
        started = time.perf_counter()
        passages = session.run(_search(session.services, name, question, tenant))
        seconds = time.perf_counter() - started
    if as_json:
        write_json(passages)
        return
    show_table(
        [
            {
                "score": f"{passage.score:.3f}",
                "document": passage.uri,
                "section": passage.section,
                "text": " ".join(passage.text.split())[:80],
            }
            for passage in passages
        ]
    )
    say(f"{counted(len(passages), 'passage')} in {duration(seconds)}.", "green" if passages else "yellow")


@app.command(epilog=examples("vital sources sync supabase"))
def sync(name: Name, as_json: Json = False) -> None:
    """Fill a source, or bring it up to date; an interrupted sync continues where it left off.

    If the embedding model has changed, a second index is filled; the old one answers until the
    new one is complete.
    """
    from vital_cli.session import open_session
    from vital_cli.sync_progress import show_sync, sync_one
    from vital_cli.terminal import write_json
    from vital_shared.workflows.source_sync import collection_named

    with open_session() as session:
        result = sync_one(session, collection_named(session.services, name))
    if as_json:
        write_json(result._asdict())
    else:
        show_sync(name, result)


@app.command(epilog=examples("vital sources reindex --embedder multilingual"))
def reindex(
    embedder: Annotated[
        Literal["english", "multilingual"] | None, typer.Option(help="By default that of VITAL_EMBEDDER.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Embed all documents with another model, which is searched with when it has embedded all of them.

    Until then searches and new documents go on with the model before. One that was stopped goes on where it
    was.
    """
    from vital_cli.session import open_session
    from vital_cli.sync_progress import reindex_documents, show_reindex
    from vital_cli.terminal import write_json

    with open_session() as session:
        result = reindex_documents(session, embedder)
        if as_json:
            write_json(result._asdict())
        else:
            show_reindex(result)


def _state(configured: bool, healthy: bool) -> str:
    if not configured:
        return "not configured"
    return "healthy" if healthy else "does not answer"


async def _search(services: Services, name: str, question: str, tenant: str) -> tuple[Passage, ...]:
    from vital_shared.retrieval.base import ask
    from vital_shared.workflows.source_sync import source_named

    source = source_named(services, name)
    return await ask(source, question, tenant_id=tenant, limit=services.settings.passages)
