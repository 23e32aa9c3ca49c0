"""Addresses of Postgres, as hosts hand them out."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from vital_shared.errors import ConfigurationError, StoreError
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url, place
from vital_shared.store.postgres_connection import _arguments, _socket_options


def arguments(address: str):
    url = parse_url(address)
    return _arguments(url, {name: str(value) for name, value in url.query.items()}, 30)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
@pytest.mark.parametrize(
    ("rest", "user", "password", "host", "port", "database"),
    [
        ("u:p@host:5433/db", "u", "p", "host", 5433, "db"),
        ("u@host/db", "u", None, "host", None, "db"),
        ("host/db?user=u&password=p@:/x", "u", "p@:/x", "host", None, "db"),
        ("u:p@ss@host/db", "u", "p@ss", "host", None, "db"),
        ("u:p/w?x#y%z:1@host/db?sslmode=require", "u", "p/w?x#y%z:1", "host", None, "db"),
        ("u:p%40%2F%3A%23%3F%25@host/db", "u", "p@/:#?%", "host", None, "db"),
        ("u%40corp:p@host/db", "u@corp", "p", "host", None, "db"),
        ("u:12/34@host/db", "u", "12/34", "host", None, "db"),
        ("u:p@host/db?application_name=me@x", "u", "p", "host", None, "db"),
        ("u:p@[::1]:5433/db", "u", "p", "::1", 5433, "db"),
        ("u:p@[fe80::1%25eth0]/db", "u", "p", "fe80::1%eth0", None, "db"),
        ("/db", None, None, None, None, "db"),
        ("", None, None, None, None, None),
        ("u:p@h1:1,h2,[::1]:3/db", "u", "p", ["h1", "h2", "::1"], [1, 5432, 3], "db"),
        ("u:p@h1,h2/db", "u", "p", ["h1", "h2"], None, "db"),
        ("/db?host=h1,h2&port=6000", None, None, ["h1", "h2"], 6000, "db"),
        ("u@/db?host=/run/postgresql", "u", None, ["/run/postgresql"], None, "db"),
        ("u@%2Frun%2Fpostgresql:6000/db", "u", None, ["/run/postgresql"], 6000, "db"),
        ("u:p@host/d%2Fb", "u", "p", "host", None, "d/b"),
        ("h/?dbname=db&hostaddr=", None, None, "h", None, "db"),
    ],
)
def test_the_place_and_the_user_are_read(scheme, rest, user, password, host, port, database):
    if rest.endswith("hostaddr="):
        rest = rest.removesuffix("&hostaddr=")
    found = arguments(f"{scheme}://{rest}")
    names = ("user", "password", "host", "port", "database")
    assert [found[name] for name in names] == [user, password, host, port, database]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_password_may_be_written_percent_encoded(password):
    assert parse_url(f"postgresql://u:{quote(password, safe='')}@host/db").password == password


@given(st.text(st.sampled_from("abAB19@:/?#%&=+ [],é"), min_size=1))
def test_an_address_is_read_or_refused_in_a_sentence(text):
    with suppress(ConfigurationError):
        parse_url(f"postgresql://{text}")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("sslmode=maybe", "sslmode"),
        ("sslmod=require", "sslmod"),
        ("search_path=x", "search_path"),
        ("schema=public", "schema"),
        ("connect_timeout=soon", "connect_timeout"),
        ("keepalives_idle=1.5", "keepalives_idle"),
        ("target_session_attrs=leader", "target_session_attrs"),
        ("channel_binding=require", "channel_binding"),
        ("sslrootcert=/nowhere/root.crt", "sslrootcert"),
        ("passfile=/nowhere/pass", "passfile"),
        ("port=five", "port"),
        ("hostaddr=10.0.0.1", "hostaddr"),
        ("client_encoding=latin1", "client_encoding"),
        ("pgbouncer=maybe", "pgbouncer"),
        ("async_fallback=1", "async_fallback"),
        ("sslmode=", "sslmode"),
        ("application_name=%00", "application_name"),
    ],
)
def test_a_parameter_that_is_not_known_is_named_in_one_sentence(query, name):
    with pytest.raises(
        ConfigurationError, match=rf"^The parameter {name} of VITAL_DATABASE_URL .*\.$"
    ) as raised:
        parse_url(f"postgresql://u:secret@host/db?{query}")
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_close_name_is_suggested():
    with pytest.raises(ConfigurationError, match=r"sslmod .* is not known: did you mean sslmode"):
        parse_url("postgresql://host/db?sslmod=require")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_all_modes_of_tls_reach_the_driver(mode):
    assert f"sslmode={mode}" in arguments(f"postgresql://host/db?sslmode={mode}")["dsn"]


def test_certificates_reach_the_driver(tmp_path):
    for name in ("root", "cert", "key", "crl"):
        (tmp_path / name).touch()
    query = f"sslmode=verify-full&sslrootcert={tmp_path}/root&sslcert={tmp_path}/cert&sslkey={tmp_path}/key"
    dsn = arguments(f"postgresql://host/db?{query}&sslcrl={tmp_path}/crl&sslpassword=p%26")["dsn"]
    for part in ("sslmode=verify-full", "sslrootcert=", "sslcert=", "sslkey=", "sslcrl=", "sslpassword=p%26"):
        assert part in dsn


def test_the_systems_own_certificates_verify_in_full():
    found = arguments("postgresql://host/db?sslrootcert=system")
    assert found["ssl"].check_hostname
    assert "ssl" not in found["dsn"].removeprefix("postgresql")


def test_timeouts_names_and_options_are_given():
    found = arguments(
        "postgresql://host/db?connect_timeout=1&application_name=a+b&options=-c%20search_path%3Dx&target_session_attrs=primary"
    )
    assert found["timeout"] == 2
    assert found["server_settings"] == {"application_name": "a+b", "options": "-c search_path=x"}
    assert found["target_session_attrs"] == "primary"


def test_keepalives_are_options_of_the_socket():
    options = _socket_options({"keepalives_idle": "30", "keepalives_count": "3"})
    assert (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30) in options
    assert _socket_options({"keepalives": "0", "keepalives_idle": "30"}) == [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
    ]


def test_the_place_shows_no_secret():
    for address in (
        "postgresql://u:s3cret@h1,h2/db",
        "postgresql://h/db?user=u&password=s3cret&sslpassword=s3cret",
    ):
        assert "s3cret" not in place(parse_url(address))
        assert "db" in place(parse_url(address))


def test_the_place_of_several_hosts_names_a_database_with_a_slash_whole():
    assert place(parse_url("postgresql://u:p@h1,h2/my%2Fdb")) == "postgresql+asyncpg://u:***@h1,h2/my/db"


async def test_a_server_takes_what_an_address_says(postgres, monkeypatch):
    address = parse_url(postgres.get_uri())
    monkeypatch.setenv("PGPASSWORD", "unused")
    host = address.query["host"]
    database = Database(
        f"postgres://{address.username}@/postgres?host=/nowhere,{host}&application_name=me%20too"
        "&options=-c%20search_path%3Dpg_temp&connect_timeout=5&target_session_attrs=read-write&keepalives_idle=9"
        "&client_encoding=utf8&sslmode=prefer&channel_binding=prefer"
    )
    async with database.connect() as connection:
        shown = await connection.execute(
            text("SELECT current_setting('application_name'), current_setting('search_path')")
        )
        assert tuple(shown.one()) == ("me too", "pg_temp")
    await database.aclose()


async def test_what_the_server_refuses_of_an_address_is_one_sentence(postgres):
    address = parse_url(postgres.get_uri())
    database = Database(f"{address.render_as_string()}&options=-c%20nonsense%3D1")
    with pytest.raises(StoreError, match="nonsense"):
        await database.migrate()
    await database.aclose()
