"""``vital models``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json, examples

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Models on this machine, and providers of others.")


@app.command("list", epilog=examples("vital models list", "vital models list --json"))
def list_models(as_json: Json = False) -> None:
    """List the models that can be installed, and whether they are."""
    from vital_cli.settings import load_settings
    from vital_cli.terminal import show_table, write_json
    from vital_shared.retrieval.pinned_models import DECLARED, OPTIONAL
    from vital_shared.retrieval.weights import installed
    from vital_shared.settings import Settings

    known = (*DECLARED, *OPTIONAL)
    folders = installed(load_settings(Settings).models_path, known)
    rows = [
        {
            "name": model.name,
            "for": model.purpose,
            "megabytes": round(model.size_bytes / 1e6),
            "installed": model.name in folders,
            "licence": model.licence,
            "folder": str(folders[model.name]) if model.name in folders else None,
        }
        for model in known
    ]
    if as_json:
        write_json(rows)
    else:
        show_table(rows)


@app.command(epilog=examples("vital models providers", "OPENAI_API_KEY=… vital models providers --check"))
def providers(
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Request the list of models from each one that is ready, to test its key."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """List the providers, and whether their models can be asked; no key is ever shown."""
    import asyncio
    import os

    from vital_cli.settings import load_settings
    from vital_cli.terminal import show_table, write_json
    from vital_shared.llm.configuration import load_configuration
    from vital_shared.llm.providers import Providers
    from vital_shared.settings import Settings

    configuration = load_configuration(load_settings(Settings).config_path)
    known = Providers(configuration, os.environ)
    found = asyncio.run(known.check()) if check else {}
    rows = [
        {
            "name": provider.name,
            "wire": provider.wire,
            "address": provider.base_url or None,
            "key": provider.key or None,
            "ready": provider.ready,
            **({"answers": found.get(provider.name)} if check else {}),
        }
        for provider in known.status()
    ]
    if as_json:
        write_json(rows)
    else:
        show_table(rows)


@app.command(
    epilog=examples(
        "vital models install",
        "vital models install multilingual",
        "vital models install smollm2",
        "VITAL_DATA_DIR=/srv/vital vital models install qwen2.5-1.5b",
    )
)
def install(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="multilingual (100 MB), entailment (96 MB), smollm2 (98 MB), qwen2.5-1.5b (1.1 GB); "
            "none: the embedded two."
        ),
    ] = None,
) -> None:
    """Download models once and check them against their pinned hashes (the embedded ones: 70 MB)."""
    from vital_cli.problems import EXIT_FAILED
    from vital_cli.settings import load_settings
    from vital_cli.terminal import ERR, say
    from vital_shared.errors import ConfigurationError
    from vital_shared.retrieval.pinned_models import DECLARED, OPTIONAL
    from vital_shared.retrieval.weights import install as install_weights
    from vital_shared.settings import Settings

    known = {model.name: model for model in (*DECLARED, *OPTIONAL)}
    if unknown := [name for name in names or () if name not in known]:
        raise typer.BadParameter(f'there is no model "{unknown[0]}"; the models are: {", ".join(known)}.')
    wanted = tuple(known[name] for name in names) if names else DECLARED
    settings = load_settings(Settings)
    try:
        with ERR.status("Downloading and checking the models …"):
            folders = install_weights(settings.models_path, wanted)
    except ConfigurationError as error:  # the network's fault more often than the settings'
        say(f"Error: {error}", "red")
        raise typer.Exit(EXIT_FAILED) from error
    for name, folder in folders.items():
        say(f"{name} is installed in {folder}", "green")
