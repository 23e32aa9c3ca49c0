"""The entry point: which commands there are, and how every one of them ends."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vital_cli.commands import (
    agents,
    baseline,
    budgets,
    cache,
    costs,
    documents,
    imports,
    keys,
    limits,
    models,
    ops,
    runs,
    sources,
    store,
    webhooks,
)
from vital_cli.commands.approvals import approvals
from vital_cli.commands.approve import approve
from vital_cli.commands.ask import ask
from vital_cli.commands.audit import audit
from vital_cli.commands.backup import backup, restore
from vital_cli.commands.batch import batch
from vital_cli.commands.compare import compare
from vital_cli.commands.drill import drill
from vital_cli.commands.eval import evaluate
from vital_cli.commands.graph import graph
from vital_cli.commands.ingest import ingest
from vital_cli.commands.new import new
from vital_cli.commands.persons import erase, export
from vital_cli.commands.quickstart import quickstart
from vital_cli.commands.report import report
from vital_cli.commands.resume import resume
from vital_cli.commands.run import run
from vital_cli.commands.serve import serve
from vital_cli.commands.up import up
from vital_cli.options import examples

__all__ = ["app", "main"]

BROKEN_PIPE = 141
"""The exit code of a program whose output nobody read, as in a shell: 128 + SIGPIPE."""


ENDS = """\
Exit codes: 0 fine, 1 failed, 2 wrong usage, input or settings, 3 waits for approval, 130 Ctrl-C.

Settings are environment variables: VITAL_DATA_DIR and VITAL_DATABASE_URL say where things are kept,
VITAL_DEBUG=1 shows logs and tracebacks."""


class Commands(TyperGroup):
    """A group that ends each command with its exit code, and with one sentence for an error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except typer.TyperException as error:
            from vital_shared.wrong_field import plain_message  # typer checks values by pydantic, too

            error.message = plain_message(error.message)
            raise
        except BrokenPipeError:
            # What is still buffered has to go somewhere: Python flushes it at the end, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE) from None
        except Exception as error:
            from vital_cli.problems import report_error

            raise typer.Exit(report_error(error)) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "vital quickstart",
        'vital ask "Which devices need a 510(k)?"',
        "vital new my-app",
        "vital serve",
    )
    + "\n\n"
    + ENDS,
)


def _version(wanted: bool) -> None:
    if wanted:
        from vital_shared.version import __version__

        typer.echo(f"vital {__version__}")
        raise typer.Exit


@app.callback()
def vital(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ask questions of your documents, serve the engine, look after agents, documents, keys and models."""


app.command(epilog=examples("vital quickstart", "vital quickstart --port 8080"))(quickstart)
app.command(epilog=examples("vital new my-app"))(new)
app.command(
    epilog=examples(
        'vital ask "When is a De Novo request possible?"',
        'vital ask "What is 12.5 % of 3,400?" --mode 1',
        'vital ask "And for class III?" --mode 4 --session session_3f0c…',
        'vital ask "What is a 510(k)?" --json | jq -r .response',
    )
)(ask)
app.command(
    epilog=examples(
        "vital approve run_3f0c… --all",
        "vital approve run_3f0c… call-1 call-3",
        "vital approve run_3f0c… --none",
    )
)(approve)
app.command(
    epilog=examples(
        "vital resume run_3f0c… --answer verdict=yes --workflow my_workflow.py:MyWorkflow",
        "vital resume run_3f0c… --approve call-1 --deny 'call-2=We have this number.'",
        """vital resume run_3f0c… --edit 'call-1={"expression": "6 * 7"}'""",
    )
)(resume)
app.command(
    epilog=examples(
        "vital batch questions.jsonl",
        "vital batch questions.jsonl --results answers.jsonl --tenant acme --set mode=2",
        "vital batch contracts.jsonl --workflow my_workflow.py:Extract",
        "vital batch questions.jsonl --cancel",
    )
)(batch)
app.command(epilog=examples("vital run run_3f0c…", "vital run run_3f0c… --json | jq .status"))(run)
app.add_typer(runs.app, name="runs")
app.command(epilog=examples("vital approvals", "vital approvals --tenant acme --json"))(approvals)
app.command(
    epilog=examples("vital ingest examples/knowledge", "vital ingest handbook.pdf notes/ --tenant acme")
)(ingest)
app.add_typer(documents.app, name="documents")
app.add_typer(sources.app, name="sources")
app.add_typer(agents.app, name="agents")
app.add_typer(keys.app, name="keys")
app.add_typer(costs.app, name="costs")
app.command(
    epilog=examples(
        "vital audit",
        "vital audit --action tool_denied --tenant acme --from 2026-11-01",
        "vital audit --all --csv > audit.csv",
        "vital audit --all --json > audit.jsonl",
    )
)(audit)
app.command(
    epilog=examples(
        "vital export --tenant acme --user ann > ann.jsonl",
        "vital export --tenant acme --user ann --output ann.zip",
    )
)(export)
app.command(epilog=examples("vital erase --tenant acme --user ann"))(erase)
app.command(epilog=examples("vital backup vital-backup.db"))(backup)
app.command(epilog=examples("vital restore vital-backup.db"))(restore)
app.add_typer(store.app, name="store")
app.add_typer(models.app, name="models")
app.add_typer(imports.app, name="import")
app.add_typer(budgets.app, name="budgets")
app.add_typer(limits.app, name="limits")
app.add_typer(cache.app, name="cache")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(ops.app, name="ops")
app.add_typer(baseline.app, name="baseline")
app.command(
    epilog=examples("vital compare", "vital compare --questions 500 --per-second 40 --json > compare.json")
)(compare)
app.command(
    epilog=examples(
        "vital graph",
        "vital graph examples/my_workflow.py:MyWorkflow --text",
        "vital graph my_package.workflows:MyWorkflow > graph.mmd",
    )
)(graph)
app.command(
    epilog=examples(
        "vital report",
        "vital report --period week --tenant acme",
        "vital report --period month --until 2026-10-31 --markdown > october.md",
    )
)(report)
app.command(
    "eval",
    epilog=examples(
        "vital eval questions.json", "vital eval questions.json --tune --tenant acme", "vital eval --reset"
    ),
)(evaluate)
app.command(epilog=examples("vital serve", "vital serve --port 8080"))(serve)
app.command(epilog=examples("vital up", "vital up --port 8080 --prometheus-port 9091"))(up)
app.command(
    epilog=examples("vital drill HighErrorRate", "vital drill --all", "vital drill HighDailyCost --live")
)(drill)


def main() -> None:
    """Run the command that the shell names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows less, and nothing fails
    app()
