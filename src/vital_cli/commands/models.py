"""``vital models``."""

from __future__ import annotations

import typer

from vital_cli.options import Json, examples

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The embedded models: search and answers without a key.")


@app.command("list", epilog=examples("vital models list", "vital models list --json"))
def list_models(as_json: Json = False) -> None:
    """List the embedded models, and whether they are installed."""
    from vital_cli.session import load_settings
    from vital_cli.terminal import show_table, write_json
    from vital_shared.retrieval.weights import DECLARED, installed
    from vital_shared.settings import Settings

    folders = installed(load_settings(Settings).data_dir)
    rows = [
        {
            "name": model.name,
            "installed": model.name in folders,
            "licence": model.licence,
            "folder": str(folders[model.name]) if model.name in folders else None,
        }
        for model in DECLARED
    ]
    if as_json:
        write_json(rows)
    else:
        show_table(rows)


@app.command(epilog=examples("vital models install", "VITAL_DATA_DIR=/srv/vital vital models install"))
def install() -> None:
    """Download the embedded models (70 MB, once) and check them against their pinned hashes."""
    from vital_cli.problems import FAILED
    from vital_cli.session import load_settings
    from vital_cli.terminal import ERR, say
    from vital_shared.errors import ConfigurationError
    from vital_shared.retrieval.weights import install as install_weights
    from vital_shared.settings import Settings

    settings = load_settings(Settings)
    try:
        with ERR.status("Downloading and checking the embedded models …"):
            folders = install_weights(settings.data_dir)
    except ConfigurationError as error:  # the network's fault more often than the settings'
        say(f"Error: {error}", "red")
        raise typer.Exit(FAILED) from error
    for name, folder in folders.items():
        say(f"{name} is installed in {folder}", "green")
