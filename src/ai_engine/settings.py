"""Settings of the service, from the environment (``VITAL_…``) alone."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["IPNetwork", "ServerSettings"]

IPNetwork = IPv4Network | IPv6Network


JWKS_ADDRESS: Final = r"^(https://\S+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?)?$"
"""HTTPS, or this machine: keys that come in the clear could be anybody's."""

ORIGIN: Final = r"^(\*|[a-z][a-z0-9+.-]*://[^/\s*A-Z]+)$"
"""An origin as browsers write it: without a path, in small letters."""

HTTP_ADDRESS: Final = r"^(https?://\S+)?$"


def _to_parts(value: object) -> object:
    """Take a list of parts that are separated by commas, as in a variable of the environment."""
    if not isinstance(value, str):
        return value
    return tuple(part for part in map(str.strip, value.split(",")) if part)


class ServerSettings(BaseSettings):
    """Settings of the service; every field is ``VITAL_<NAME>``.

    What concerns workflows and the store is in `vital_shared.settings.Settings`.
    """

    model_config = SettingsConfigDict(env_prefix="VITAL_", frozen=True, populate_by_name=True)

    host: str = "127.0.0.1"
    """The address to listen on; elsewhere than on loopback only where there are keys."""

    port: int = Field(default=8000, ge=0, le=65_535)
    """0 takes any free one."""

    workers: int = Field(default=1, ge=1, le=64)
    """Processes that serve; with 1, it is the one that was started."""

    workflow: str = ""
    """The classes to serve, separated by commas: ``module:Class``, ``file.py:Class``, ``name=module:Class``.
    More stand in ``[workflows]`` of the configuration; without any, it is `BaseWorkflow`."""

    runbooks_dir: Path | None = None
    """A folder of runbooks with your addresses, which `vital ops build` writes; None: the package's."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged; only lines of debug level may hold questions of users."""

    trusted_proxies: Annotated[tuple[IPNetwork, ...], NoDecode, BeforeValidator(_to_parts)] = ()
    """Networks of proxies whose X-Forwarded-For is believed, as CIDRs."""

    jwt_issuer: str = ""
    """The issuer of tokens that are accepted beside keys, as their claim ``iss`` has it; empty: none are."""

    jwt_jwks_url: str = Field(default="", pattern=JWKS_ADDRESS)
    """The address of the issuer's public keys: by HTTPS, or on this machine."""

    jwt_audience: str = ""
    """The audience that tokens have to be for, as their claim ``aud`` has it."""

    jwt_tenant_claim: str = Field(default="tenant", min_length=1)
    """The claim that holds a token's tenant."""

    jwt_user_claim: str = Field(default="sub", min_length=1)
    """The claim that holds a token's user."""

    jwt_scope_claim: str = Field(default="scope", min_length=1)
    """The claim that holds a token's scopes: ``vital:ask``, ``vital:costs``, ``vital:admin``, and
    ``vital:all-tenants`` where it has no tenant."""

    jwt_header: str = Field(default="", pattern=r"^[A-Za-z0-9-]*$")
    """A header beside ``Authorization`` in which a proxy that signs people in passes their token on; the
    token is verified like any other. Empty: there is none."""

    cors_origins: Annotated[
        tuple[Annotated[str, Field(pattern=ORIGIN)], ...], NoDecode, BeforeValidator(_to_parts)
    ] = ()
    """Origins whose pages may use the API from a browser, with a key: ``https://app.example.com``, separated
    by commas, or ``*`` for all. Empty: none may."""

    max_header_bytes: int = Field(default=32_768, ge=1_024)
    """A request whose line and headers are larger together is refused."""

    max_headers: int = Field(default=100, ge=10)
    """A request with more headers is refused."""

    header_seconds: float = Field(default=60.0, gt=0)
    """A request whose headers take longer to come is refused."""

    body_seconds: float = Field(default=60.0, gt=0)
    """A request of whose body nothing comes for this long is refused."""

    send_seconds: float = Field(default=60.0, gt=0)
    """A connection whose client takes nothing of its answer for this long is cut off."""

    keep_alive_seconds: int = Field(default=75, ge=1)
    """A connection without a request for this long is closed."""

    max_connections: int = Field(default=2_000, ge=1)
    """Connections of each process; for another one, that which has waited longest is closed."""

    max_body_bytes: int = Field(default=1_000_000, ge=1_000)
    """A larger JSON body is refused."""

    max_document_bytes: int = Field(default=25_000_000, ge=1_000)
    """A larger upload is refused."""

    max_concurrent_runs: int = Field(default=200, ge=1)
    """Runs at once, shared by tenants; further requests wait for their tenant's turn."""

    max_waiting_runs: int = Field(default=100, ge=0)
    """Requests of one tenant that may wait for a run; further ones are refused. 0: none waits."""

    queue_seconds: float = Field(default=20.0, gt=0)
    """The longest wait for a run; then the request is refused."""

    grace_seconds: float = Field(default=10.0, gt=0)
    """Seconds without any reader after which a run is cancelled."""

    max_takeovers: int = Field(default=3, ge=0, le=100)
    """Workers that may die with a durable run and have it taken over; then it is given up. 0: none is."""

    hang_seconds: float = Field(default=20.0, gt=0)
    """A worker that gives no sign of life for this long is killed and replaced."""

    lame_duck_seconds: float = Field(default=0.0, ge=0)
    """Seconds after SIGTERM in which new runs still begin, while load balancers learn from ``/readyz`` that
    the engine leaves."""

    shutdown_seconds: float = Field(default=30.0, ge=0)
    """Seconds that active runs may take to end when the engine is stopped; no new ones begin meanwhile."""

    drop_params: bool = False
    """Whether requests to models of another protocol than the client's lose what that cannot carry, where
    they do not say so themselves; otherwise they are refused."""

    heartbeat_seconds: float = Field(default=15.0, gt=0)
    """Seconds of silence after which a stream gets a comment, so that proxies keep it open."""

    event_retention_seconds: float = Field(default=300.0, ge=0)
    """Seconds that the events of a run can be read again after its end."""

    webhook_secret: SecretStr = SecretStr("")
    """``whsec_`` and 24 to 64 random bytes in base64, of which each tenant's secret is made; an older one may
    follow behind a blank, and signs too. Empty: there are no webhooks."""

    webhook_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_to_parts)] = ()
    """Hosts that webhooks may call at any address and without TLS, separated by commas; all others have to be
    public, and are called by HTTPS alone."""

    webhook_loopback: bool = False
    """Whether webhooks may call this machine."""

    prometheus_url: str = Field(default="", pattern=HTTP_ADDRESS)
    """The address of the Prometheus that the console's dashboards and alerts ask; empty: they are made of the
    engine's own samples of the last hours."""

    alertmanager_url: str = Field(default="", pattern=HTTP_ADDRESS)
    """The address of the Alertmanager that holds silences; empty: the console has none."""

    ops_config: Path | None = None
    """The file with thresholds and the selector of rules and dashboards, as `vital ops build --config` reads
    it; None: the defaults."""

    @model_validator(mode="after")
    def _jwt_is_whole(self) -> Self:
        given = (self.jwt_issuer, self.jwt_jwks_url, self.jwt_audience)
        if any(given) and not all(given):
            raise ValueError(
                "VITAL_JWT_ISSUER, VITAL_JWT_JWKS_URL and VITAL_JWT_AUDIENCE belong together: set all or none"
            )
        if self.jwt_header and not self.jwt_issuer:
            raise ValueError("VITAL_JWT_HEADER means nothing without VITAL_JWT_ISSUER: set it too")
        return self

    metrics_enabled: bool = Field(default=True, validation_alias="PROMETHEUS_METRICS_ENABLED")
    """Whether ``GET /metrics`` answers; this variable alone has a name without ``VITAL_``."""
