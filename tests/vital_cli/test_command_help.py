"""Help, version, settings, and what every command has in common."""

import subprocess
import sys
from contextlib import nullcontext

import pytest
import typer

from vital_cli.main import app
from vital_shared.version import __version__


def _commands(group, *path):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield (*path, name)
            yield from _commands(command, *path, name)
        else:
            yield (*path, name)


COMMANDS = [(), *_commands(typer.main.get_command(app))]
GROUPS = {
    ("documents",),
    ("sources",),
    ("agents",),
    ("budgets",),
    ("limits",),
    ("cache",),
    ("webhooks",),
    ("store",),
    ("keys",),
    ("runs",),
    ("models",),
    ("import",),
    ("ops",),
    ("ops", "dead-letters"),
    ("baseline",),
    ("ops", "labels"),
}
LEAVES = [path for path in COMMANDS if path and path not in GROUPS]


def test_the_commands_are_those_that_are_documented():
    assert {" ".join(path) for path in LEAVES} == {
        "quickstart",
        "new",
        "ask",
        "audit",
        "backup",
        "restore",
        "erase",
        "export",
        "batch",
        "webhooks secret",
        "store copy",
        "approve",
        "resume",
        "run",
        "report",
        "baseline save",
        "baseline list",
        "baseline show",
        "baseline compare",
        "baseline delete",
        "serve",
        "ingest",
        "documents list",
        "documents show",
        "documents delete",
        "agents list",
        "agents show",
        "agents save",
        "agents edit",
        "agents delete",
        "budgets set",
        "budgets list",
        "budgets show",
        "budgets delete",
        "limits set",
        "limits list",
        "limits remove",
        "limits join",
        "limits leave",
        "limits organisations",
        "cache clear",
        "keys create",
        "keys list",
        "keys open",
        "keys revoke",
        "keys rotate",
        "costs",
        "costs reconcile",
        "graph",
        "sources list",
        "sources test",
        "sources sync",
        "sources reindex",
        "import litellm",
        "models install",
        "models list",
        "models providers",
        "ops build",
        "ops fetch",
        "ops backtest",
        "compare",
        "ops setup",
        "ops labels free",
        "ops dead-letters list",
        "ops dead-letters show",
        "ops dead-letters retry",
        "ops dead-letters discard",
        "up",
        "approvals",
        "runs calls",
        "runs list",
        "drill",
        "eval",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help(vital, path):
    done = vital(*path, "--help")
    assert done.exit_code == 0
    assert "Usage" in done.stdout


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_examples_of_itself(vital, path):
    examples = vital(*path, "--help").stdout.split("Examples:")[1]
    assert " ".join(("vital", *path)) in examples


def test_help_states_the_exit_codes(vital):
    assert "3 waits for approval" in " ".join(vital("--help").stdout.split())


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from vital_cli.main import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('vital_shared', 'pydantic', 'sqlalchemy', 'numpy', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_of_a_command_loads_nothing_of_the_engine_whatever_is_set(monkeypatch):
    monkeypatch.setenv("VITAL_LOG_LEVEL", "info")
    code = (
        "import sys; from vital_cli.main import app\n"
        "try: app(['ask', '--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('vital_shared', 'ai_engine', 'sqlalchemy', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command", ["keys list", "documents list", "budgets list", "limits list", "approvals", "audit"]
)
def test_a_command_of_the_store_alone_loads_no_models(empty_dir, command):
    code = (
        "import sys; from vital_cli.main import app\n"
        f"try: app({command.split()})\nexcept SystemExit: pass\n"
        "print([m for m in ('vital_shared.workflows.services', 'vital_shared.llm.registry', 'numpy') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version(vital):
    assert vital("--version").stdout == f"vital {__version__}\n"


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        (("ask", "x"), "VITAL_PASSAGES", "many"),
        (("serve",), "VITAL_TRUSTED_PROXIES", "10.0.0.0/99"),
        (("serve",), "PROMETHEUS_METRICS_ENABLED", "perhaps"),
    ],
)
def test_a_wrong_setting_is_named(vital, empty_dir, monkeypatch, command, variable, value):
    monkeypatch.setenv(variable, value)
    done = vital(*command)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: The environment variable {variable} is '{value}': ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("VITAL_CORS_ORIGINS", "example.com", "write origins such as https://app.example.com"),
        ("VITAL_PROMETHEUS_URL", "prometheus:9090", "write an address such as http://127.0.0.1:9090"),
        ("VITAL_JWT_JWKS_URL", "http://idp.example/keys", "write an address that begins with https://"),
        ("VITAL_JWT_HEADER", "X Token", "write the name of a header"),
        ("VITAL_JWT_ISSUER", "https://idp.example", "VITAL_JWT_AUDIENCE belong together: set all or none."),
        ("VITAL_WEBHOOK_SECRET", "geheim", "write whsec_$(openssl rand -base64 32)"),
    ],
)
def test_a_wrong_setting_is_refused_with_advice(vital, empty_dir, monkeypatch, variable, value, advice):
    monkeypatch.setenv(variable, value)
    done = vital("serve")
    assert done.exit_code == 2
    assert advice in done.stderr
    assert done.stderr.count("\n") == 1
    assert "geheim" not in done.stderr


def test_a_database_that_is_not_there_is_said_so_without_its_password(vital, monkeypatch):
    monkeypatch.setenv("VITAL_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/vital")
    done = vital("agents", "list")
    assert done.exit_code == 1
    assert "cannot be reached" in done.stderr
    assert "secret" not in done.output


def test_what_nobody_expected_is_one_sentence_and_a_traceback_only_where_wanted(
    vital, empty_dir, monkeypatch
):
    def broken(*_, **__):
        raise TypeError("of all things")

    monkeypatch.setattr("vital_cli.session.Services.open", broken)
    monkeypatch.setattr("tests.vital_cli.conftest.more_models", nullcontext)
    done = vital("agents", "list")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: Unexpected TypeError: of all things.")
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("VITAL_DEBUG", "1")
    assert "Traceback" in vital("agents", "list").stderr
