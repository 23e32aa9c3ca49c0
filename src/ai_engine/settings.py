"""Settings of the service, from the environment (``VITAL_…``) alone."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ai_engine.webhooks.engine_secrets import read_secrets

__all__ = ["IPNetwork", "ServerSettings"]

IPNetwork = IPv4Network | IPv6Network


def _written_as(pattern: str, hint: str) -> AfterValidator:
    """Check text against a pattern; the message has a hint in its place, which people can follow."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(hint)
        return text

    return AfterValidator(check)


JWKS_ADDRESS: Final = _written_as(
    r"(https://\S+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?)?",
    "write an address that begins with https://, or with http:// on this machine",
)
"""HTTPS, or this machine: keys sent in the clear could be anybody's."""

ORIGIN: Final = _written_as(
    r"\*|[a-z][a-z0-9+.-]*://[^/\s*A-Z]+",
    "write origins such as https://app.example.com, in small letters and without a path, or * for all",
)
"""An origin as browsers write it."""

HTTP_ADDRESS: Final = _written_as(r"(https?://\S+)?", "write an address such as http://127.0.0.1:9090")

HEADER_NAME: Final = _written_as(
    r"[A-Za-z0-9-]*", "write the name of a header, in letters, digits and hyphens"
)


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
    """The address to listen on; one other than loopback requires keys."""

    port: int = Field(default=8000, ge=0, le=65_535)
    """The port to listen on; 0: any free one."""

    workers: int = Field(default=1, ge=1, le=64)
    """Processes that serve; with 1, only the started one."""

    workflow: str = ""
    """The classes to serve, separated by commas: ``module:Class``, ``file.py:Class``, ``name=module:Class``.
    Further ones are in ``[workflows]`` of the configuration; without any, `BaseWorkflow` is served."""

    runbooks_dir: Path | None = None
    """A folder of runbooks with your addresses, as written by `vital ops build`; None: the package's."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest log level; only lines of debug level may contain users' questions."""

    trusted_proxies: Annotated[tuple[IPNetwork, ...], NoDecode, BeforeValidator(_to_parts)] = ()
    """Networks of proxies whose X-Forwarded-For is trusted, as CIDRs."""

    jwt_issuer: str = ""
    """The issuer of tokens accepted in addition to keys (their claim ``iss``); empty: none are accepted."""

    jwt_jwks_url: Annotated[str, JWKS_ADDRESS] = ""
    """The address of the issuer's public keys: over HTTPS, or on this machine."""

    jwt_audience: str = ""
    """The required audience of tokens (their claim ``aud``)."""

    jwt_tenant_claim: str = Field(default="tenant", min_length=1)
    """The claim that holds a token's tenant."""

    jwt_user_claim: str = Field(default="sub", min_length=1)
    """The claim that holds a token's user."""

    jwt_scope_claim: str = Field(default="scope", min_length=1)
    """The claim that holds a token's scopes: ``vital:ask``, ``vital:costs``, ``vital:admin``, and
    ``vital:all-tenants`` if it has no tenant."""

    jwt_header: Annotated[str, HEADER_NAME] = ""
    """A header other than ``Authorization`` in which an authenticating proxy passes the user's token on; the
    token is verified like any other. Empty: no such header."""

    cors_origins: Annotated[tuple[Annotated[str, ORIGIN], ...], NoDecode, BeforeValidator(_to_parts)] = ()
    """Origins whose pages may use the API from a browser, with a key: ``https://app.example.com``, separated
    by commas, or ``*`` for all. Empty: none."""

    max_header_bytes: int = Field(default=32_768, ge=1_024)
    """Maximum size of a request line with its headers; a larger request is refused."""

    max_headers: int = Field(default=100, ge=10)
    """Maximum number of headers; a request with more is refused."""

    header_seconds: float = Field(default=60.0, gt=0)
    """Seconds for the headers of a request to arrive; a slower request is refused."""

    body_seconds: float = Field(default=60.0, gt=0)
    """Seconds between two pieces of a request's body; a slower request is refused."""

    send_seconds: float = Field(default=60.0, gt=0)
    """Seconds after which a connection is cut off if its client reads nothing of the response."""

    keep_alive_seconds: int = Field(default=75, ge=1)
    """Seconds after which a connection without a request is closed."""

    max_connections: int = Field(default=2_000, ge=1)
    """Connections of each process; a further one replaces the longest idle one."""

    max_body_bytes: int = Field(default=1_000_000, ge=1_000)
    """Maximum size of a JSON body; a larger one is refused."""

    max_document_bytes: int = Field(default=25_000_000, ge=1_000)
    """Maximum size of an upload; a larger one is refused."""

    max_concurrent_runs: int = Field(default=200, ge=1)
    """Concurrent runs, shared by tenants; further requests wait for their tenant's turn."""

    max_waiting_runs: int = Field(default=100, ge=0)
    """Requests of one tenant that may wait for a run; further ones are refused. 0: none waits."""

    queue_seconds: float = Field(default=20.0, gt=0)
    """The longest wait for a run; then the request is refused."""

    grace_seconds: float = Field(default=10.0, gt=0)
    """Seconds without any reader after which a run is cancelled."""

    max_takeovers: int = Field(default=3, ge=0, le=100)
    """Takeovers of a durable run after which it fails. 0: a durable run is never taken over."""

    hang_seconds: float = Field(default=20.0, gt=0)
    """Seconds without a sign of life after which a worker is killed and replaced."""

    lame_duck_seconds: float = Field(default=0.0, ge=0)
    """Seconds after SIGTERM in which new runs still start, while load balancers learn from ``/readyz`` that
    the engine is stopping."""

    shutdown_seconds: float = Field(default=30.0, ge=0)
    """Seconds for active runs to finish when the engine is stopped; no new ones start meanwhile."""

    drop_params: bool = False
    """Whether fields that the model's protocol cannot carry are dropped from a client's request, unless the
    request sets ``drop_params`` itself; otherwise the request is refused."""

    heartbeat_seconds: float = Field(default=15.0, gt=0)
    """Seconds of silence after which a stream gets a comment, so that proxies keep it open."""

    event_retention_seconds: float = Field(default=300.0, ge=0)
    """Seconds for which the events of a run can be read after its end."""

    webhook_secret: SecretStr = SecretStr("")
    """``whsec_`` and 24 to 64 random bytes in base64, from which each tenant's secret is derived; an older
    one may follow after a blank, and signs too. Empty: no webhooks."""

    webhook_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_to_parts)] = ()
    """Hosts that webhooks may call at any address and without TLS, separated by commas; all others must be
    public, and are called only over HTTPS."""

    webhook_loopback: bool = False
    """Whether webhooks may call this machine."""

    prometheus_url: Annotated[str, HTTP_ADDRESS] = ""
    """The address of the Prometheus that the console's dashboards and alerts query; empty: they use the
    engine's own samples of the last hours."""

    alertmanager_url: Annotated[str, HTTP_ADDRESS] = ""
    """The address of the Alertmanager that holds silences; empty: the console has none."""

    ops_config: Path | None = None
    """The file with thresholds and the selector of rules and dashboards, as read by `vital ops build
    --config`; None: the defaults."""

    @field_validator("webhook_secret")
    @classmethod
    def _can_sign(cls, secret: SecretStr) -> SecretStr:
        """Look at it now: it is needed when the first run with a webhook ends."""
        read_secrets(secret.get_secret_value())
        return secret

    @model_validator(mode="after")
    def _jwt_is_whole(self) -> Self:
        given = (self.jwt_issuer, self.jwt_jwks_url, self.jwt_audience)
        if any(given) and not all(given):
            raise ValueError(
                "VITAL_JWT_ISSUER, VITAL_JWT_JWKS_URL and VITAL_JWT_AUDIENCE belong together: set all or none"
            )
        if self.jwt_header and not self.jwt_issuer:
            raise ValueError("VITAL_JWT_HEADER has no effect without VITAL_JWT_ISSUER: set it too")
        return self

    metrics_enabled: bool = Field(default=True, validation_alias="PROMETHEUS_METRICS_ENABLED")
    """Whether ``GET /metrics`` is served; only this variable has a name without ``VITAL_``."""
