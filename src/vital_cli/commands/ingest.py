"""``vital ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital_cli.options import Json, Owner

__all__ = ["ingest"]


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            readable=False,  # one that cannot be read is a failure of its own, and stops no other
            help="Files and folders: text, web pages, PDF, office files, mail, data.",
        ),
    ],
    tenant: Owner = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove documents whose files are gone from the folders.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep running, and follow each change of the files, until Ctrl-C.")
    ] = False,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="Fill this source too, such as supabase; it follows from then on."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add documents to answer from, and update those that are already stored.

    Renamed files get their new names; documents whose files are gone are listed, and removed with --prune.
    Exits with 1 when a file could not be read; the others are stored.
    """
    from vital_cli.ingest_progress import ingest_paths, show_left_out, show_results
    from vital_cli.ingest_watch import follow
    from vital_cli.problems import EXIT_FAILED
    from vital_cli.session import open_session
    from vital_cli.sync_progress import follow_documents, show_sync, sync_one
    from vital_cli.terminal import say, write_json
    from vital_shared.errors import InvalidRequest
    from vital_shared.workflows.source_sync import collection_named

    with open_session() as session:
        collections = [collection_named(session.services, name) for name in to or ()]
        if session.services.embedder is None:
            say(
                "The embedded models are not installed, so only words will be found and not meanings: "
                "run `vital models install`, then this again.",
                "yellow",
            )
        results = ingest_paths(session, paths, tenant, prune=prune)
        show_left_out(paths)
        if not (results or watch):
            raise InvalidRequest(f"There is no readable file in {', '.join(map(str, paths))}.", field="paths")
        if as_json:
            write_json(results)
        else:
            show_results(results)
        for collection in collections:
            show_sync(collection.name, sync_one(session, collection))
        session.run(follow_documents(session.services))
        if watch:
            follow(session, paths, tenant, prune=prune)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(EXIT_FAILED)
