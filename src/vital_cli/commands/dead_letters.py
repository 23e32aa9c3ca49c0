"""``vital ops dead-letters``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.options import Json, examples

if TYPE_CHECKING:
    from vital_shared.models.dead_letter import DeadLetter
    from vital_shared.store.store import Store

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Writes that the database would never accept: charges and ends of runs that were set aside.",
)

Id = Annotated[int, typer.Argument(metavar="ID", help="Its number: see `vital ops dead-letters list`.")]


@app.command("list", epilog=examples("vital ops dead-letters list", "vital ops dead-letters list --resolved"))
def list_letters(
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Also those that were written or discarded since.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the writes that were set aside, oldest first."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import write_json
    from vital_cli.views.dead_letters import show_letters
    from vital_shared.store.dead_letters import DeadLetterStore

    letters = with_store(lambda store: DeadLetterStore(store.database).list(resolved=resolved))
    if as_json:
        write_json(letters)
    else:
        show_letters(letters)


@app.command(epilog=examples("vital ops dead-letters show 1", "vital ops dead-letters show 1 --json"))
def show(letter_id: Id, as_json: Json = False) -> None:
    """Show a write with everything that it should have stored."""
    from vital_cli.store_access import with_store
    from vital_shared.store.dead_letters import DeadLetterStore

    _show(with_store(lambda store: DeadLetterStore(store.database).get(letter_id)), as_json=as_json)


@app.command(epilog=examples("vital ops dead-letters retry 1", "vital ops dead-letters retry --all"))
def retry(
    letter_id: Annotated[
        int | None, typer.Argument(metavar="ID", help="Its number: see `vital ops dead-letters list`.")
    ] = None,
    all_letters: Annotated[bool, typer.Option("--all", help="All that nobody has handled.")] = False,
    as_json: Json = False,
) -> None:
    """Try a write again, after its cause is fixed; it fails if the store refuses it again."""
    from vital_cli.problems import EXIT_FAILED
    from vital_cli.store_access import with_store
    from vital_cli.terminal import write_json
    from vital_cli.views.dead_letters import show_letters

    if (letter_id is None) != all_letters:
        raise typer.BadParameter("say which, with one of them", param_hint="ID, --all")
    letters = with_store(lambda store: _retry(store, letter_id))
    if as_json:
        write_json(letters)
    else:
        show_letters(letters)
    if any(letter.resolved is None for letter in letters):
        raise typer.Exit(EXIT_FAILED)


@app.command(epilog=examples("vital ops dead-letters discard 1"))
def discard(letter_id: Id, as_json: Json = False) -> None:
    """Give a write up: you entered it by hand, or wrote it off. Its row stays."""
    from vital_cli.store_access import with_store
    from vital_shared.store.dead_letters import DeadLetterStore

    letter = with_store(lambda store: DeadLetterStore(store.database).discard(letter_id, now=store.now()))
    _show(letter, as_json=as_json)


async def _retry(store: Store, letter_id: int | None) -> tuple[DeadLetter, ...]:
    from vital_shared.store.dead_letters import DeadLetterStore

    letters = DeadLetterStore(store.database)
    ids = [letter.id for letter in await letters.list()] if letter_id is None else [letter_id]
    return tuple([await letters.retry(each, now=store.now()) for each in ids])


def _show(letter: DeadLetter, *, as_json: bool) -> None:
    from vital_cli.terminal import write_json
    from vital_cli.views.dead_letters import show_letter

    if as_json:
        write_json(letter)
    else:
        show_letter(letter)
