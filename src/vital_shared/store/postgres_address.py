"""Addresses of Postgres as libpq reads them.

Source: https://www.postgresql.org/docs/current/libpq-connect.html, sections "Connection URIs" and
"Parameter Key Words".
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from sqlalchemy import URL

from vital_shared.errors import ConfigurationError

__all__ = ["DRIVER", "parse_postgres"]

DRIVER: Final = "postgresql+asyncpg"

_HOST: Final = r"(?:\[[0-9A-Fa-f:.%\w]+\]|[^\s\[\]:,/?@]*)(?::\d{0,5})?"
_AFTER_USER: Final = re.compile(
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<database>[^/?@]*))?(?:\?(?P<query>(?:[^&=]+=[^&]*(?:&|$))*))?",
    re.DOTALL,
)

_FREE_TEXT: Final = frozenset(
    {"application_name", "dbname", "fallback_application_name", "gsslib", "host", "hostaddr", "krbsrvname"}
    | {"options", "passfile", "password", "port", "service", "sslcert", "sslcrl", "sslkey", "sslpassword"}
    | {"sslrootcert", "user"}
)
_NUMBERS: Final = frozenset(
    {"command_timeout", "connect_timeout", "keepalives", "keepalives_count", "keepalives_idle"}
    | {"keepalives_interval", "prepared_statement_cache_size", "statement_cache_size", "tcp_user_timeout"}
)
_TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "channel_binding": ("disable", "prefer"),
    "client_encoding": ("auto", "utf8", "UTF8", "utf-8", "UTF-8"),
    "gssencmode": ("disable", "prefer"),
    "load_balance_hosts": ("disable",),
    "pgbouncer": ("true", "false"),
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "sslcompression": ("0", "1"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslsni": ("1",),
    "target_session_attrs": ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
}
"""Parameters with a closed set of values. Where libpq knows more of them, the driver cannot fulfil these."""

_FILES: Final = ("passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert")
_ALIASES: Final = {"database": "dbname", "ssl": "sslmode"}
"""Names that other drivers have for libpq's parameters."""

_SSL_VALUES: Final = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
KNOWN: Final = tuple(sorted(_FREE_TEXT | _NUMBERS | set(_CHOICES)))


class _Split(NamedTuple):
    user: str | None
    hosts: str
    database: str
    query: str


class _BadParameter(Exception):
    """A parameter of an address that cannot be used."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason


def parse_postgres(address: str, *, variable: str) -> URL:
    """Read what follows the ``://`` of an address.

    In a password ``@ : / ? # %`` may stand for themselves where only one reading makes sense. Several hosts,
    sockets and all parameters are in the query of the result.

    :param variable: name of the environment variable that holds it, for what is wrong with it.
    :raises ConfigurationError: when it is no address, or a parameter or its value is not known, naming it.
    """
    split = _split(address)
    if split is None:
        raise ConfigurationError(
            f"{variable} is not an address: write postgresql://user:password@host/name or sqlite:///file, "
            "with %40 for an @ and %2F for a / in a password"
        )
    try:
        parameters = _parameters(split.query)
        host, port = _place(split.hosts, parameters)
    except _BadParameter as bad:
        raise ConfigurationError(f"The parameter {bad.name} of {variable} {bad.reason}.") from None
    user, _, password = (split.user or "").partition(":")
    named = parameters.pop("user", ""), parameters.pop("password", ""), parameters.pop("dbname", "")
    return URL.create(
        DRIVER,
        username=unquote(user) or named[0] or None,
        password=unquote(password) or named[1] or None,
        host=host,
        port=port,
        database=unquote(split.database) or named[2] or None,
        query=parameters,
    )


def _split(address: str) -> _Split | None:
    """Find where the user and password end: before the first "@" after which the rest is a place."""
    starts = [match.end() for match in re.finditer("@", address)]
    if "@" not in address.partition("/")[0]:
        starts.insert(0, 0)
    for start in starts:
        if found := _AFTER_USER.fullmatch(address, start):
            user = address[: start - 1] if start else None
            return _Split(user, found["hosts"], found["database"] or "", found["query"] or "")
    return None


def _place(hosts: str, parameters: dict[str, str]) -> tuple[str | None, int | None]:
    """Return the only host and its port, or leave them in the parameters: lists, sockets."""
    if "hostaddr" in parameters:
        if hosts or "host" in parameters:
            raise _BadParameter("hostaddr", "cannot be used together with a host: leave one of them out")
        parameters["host"] = parameters.pop("hostaddr")
    if not hosts:
        return None, None
    found = [re.fullmatch(r"(?:\[([^\]]+)\]|([^:]*))(?::(\d*))?", each) for each in hosts.split(",")]
    pairs = [(unquote(each[1] or each[2] or ""), each[3] or "") for each in found if each]
    if len(pairs) == 1 and not pairs[0][0].startswith("/"):
        host, port = pairs[0]
        return host or None, int(port) if port else None
    parameters["host"] = ",".join(host for host, _ in pairs)
    if any(port for _, port in pairs):
        parameters["port"] = ",".join(port or "5432" for _, port in pairs)
    return None, None


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = (unquote(part) for part in pair.partition("="))
        name = _ALIASES.get(name, name)
        found[name] = _SSL_VALUES.get(value, value) if name == "sslmode" else value
    for name, value in found.items():
        _check(name, value)
    for name in _FILES:
        path = Path(os.path.expanduser(found.get(name, "")))  # noqa: PTH111 - a user's home that is unknown is kept
        if found.get(name) and not (name == "sslrootcert" and found[name] == "system"):
            if not os.access(path, os.R_OK):
                raise _BadParameter(name, f"names the file {path}, which does not exist or cannot be read")
            found[name] = str(path)
    return found


def _check(name: str, value: str) -> None:
    if name == "channel_binding" and value == "require":
        raise _BadParameter(
            name, "cannot be required with this driver: write prefer, and sslmode=verify-full"
        )
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise _BadParameter(name, f"is {value!r}: write {', '.join(dict.fromkeys(_CHOICES[name]))}")
    elif name in _NUMBERS:
        if not re.fullmatch(r"-?\d{1,9}", value):
            raise _BadParameter(name, f"is {value!r}: write a whole number")
    elif name == "port":
        if not all(re.fullmatch(r"\d{0,5}", each) for each in value.split(",")):
            raise _BadParameter(name, f"is {value!r}: write a number for each host")
    elif name not in _FREE_TEXT:
        close = difflib.get_close_matches(name, KNOWN, n=1)
        hint = (
            f"did you mean {close[0]}" if close else "write a server's setting as options=-c%20name%3Dvalue"
        )
        raise _BadParameter(name, f"is not known: {hint}")
    if "\0" in value:
        raise _BadParameter(name, "holds a NUL")
