"""``vital quickstart``."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["quickstart"]


def quickstart(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The port, 0 for a free one; VITAL_PORT, or else 8000."),
    ] = None,
) -> None:
    """Install the embedded models, load the sample documents, and serve, until Ctrl-C.

    If run again, it uses what is installed. Without a network, it searches only by keywords. It prints
    the folder of all its data: VITAL_DATA_DIR, or else the user's data folder.
    """
    from importlib.util import find_spec

    from vital_cli.commands.ingest import ingest
    from vital_cli.commands.models import install
    from vital_cli.commands.serve import serve
    from vital_cli.sample_knowledge import knowledge_files
    from vital_cli.settings import load_settings
    from vital_cli.terminal import say
    from vital_shared.settings import Settings

    if find_spec("onnxruntime") is None:
        say("To search by meaning, run `pip install 'vital-engine[embedded]'` first.", "yellow")
    else:
        try:
            install(None)
        except typer.Exit:  # it has said why
            say("Going on without the embedded models.", "yellow")
    ingest(knowledge_files())
    say(f"The database, the documents' index and the models are in {load_settings(Settings).data_dir}.")
    serve(port=port)
