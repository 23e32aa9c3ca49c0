"""``vital webhooks``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import examples

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Look after webhooks: show a tenant the secret that verifies its own."
)


@app.command(epilog=examples("vital webhooks secret --tenant acme"))
def secret(
    tenant: Annotated[str, typer.Option(help="The tenant whose receiver verifies with it.")],
) -> None:
    """Print the secret that signs a tenant's webhooks, derived from VITAL_WEBHOOK_SECRET.

    While that is being replaced there are two: the newer one is printed first.
    """
    from ai_engine.settings import ServerSettings
    from ai_engine.webhooks.engine_secrets import read_secrets
    from ai_engine.webhooks.message import tenant_secret
    from vital_cli.settings import load_settings
    from vital_cli.terminal import write
    from vital_shared.errors import ConfigurationError

    secrets = read_secrets(load_settings(ServerSettings).webhook_secret.get_secret_value())
    if not secrets:
        raise ConfigurationError(
            "VITAL_WEBHOOK_SECRET is not set, so no webhooks are signed: "
            'set it to "whsec_$(openssl rand -base64 32)".'
        )
    write("".join(f"{tenant_secret(each, tenant)}\n" for each in secrets))
