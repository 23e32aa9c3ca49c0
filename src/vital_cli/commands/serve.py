"""``vital serve``."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on; VITAL_HOST, or else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The port, 0 for a free one; VITAL_PORT, or else 8000."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="The number of processes that serve; VITAL_WORKERS, or else 1."),
    ] = None,
    workflow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]MODULE:CLASS",
            help="A class to serve, or file.py:Class; may be repeated. VITAL_WORKFLOW, or else BaseWorkflow.",
        ),
    ] = None,
) -> None:
    """Serve the engine over HTTP, with its page, until Ctrl-C."""
    from ai_engine.background.interpreter import loading

    with loading():
        from ai_engine.server import serve as run_server
        from ai_engine.settings import ServerSettings
        from vital_cli.served_monitor import load_monitor
        from vital_cli.served_report import served_report
        from vital_cli.settings import load_settings
        from vital_shared.settings import Settings

    named = ",".join(workflow) if workflow else None
    settings = load_settings(ServerSettings, host=host, port=port, workers=workers, workflow=named)
    run_server(
        settings,
        load_settings(Settings),
        reporter=served_report,
        monitor=load_monitor,
        worker_program="vital_cli.worker",
        on_listening=_say_address,
    )


def _say_address(host: str, port: int) -> None:
    """Say where the engine is, to a person: where nobody looks at a terminal, the log alone says it."""
    import sys

    from vital_cli.stack_run import reachable
    from vital_cli.terminal import say, write

    line = f"VITAL is at http://{reachable(host, port)}; Ctrl-C stops it."
    if sys.stderr.isatty():
        say(line, "green")
    elif sys.stdout.isatty():
        write(f"{line}\n")
