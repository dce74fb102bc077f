"""`headrace erase`: forget a user everywhere."""

import json
from dataclasses import asdict

import click

from flows.cli.common import common_options, json_option
from flows.erasing import ask, left
from schemas.settings import Settings


# Ids may be negative: -5 is no option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("user", type=int)
@click.option(
    "--check", is_flag=True, help="Erase nothing; say what is left, with exit code 1 if anything is."
)
@common_options
@json_option
def erase(settings: Settings, user: int, check: bool, as_json: bool) -> None:
    """Have a user erased: all keys in Redis and all saved state of what they did until now.

    This appends a record without a value for the user to the topic users; flows act on it when they read it. What
    the user does later counts again. --check looks into Redis and into the state store, at --state on this machine.
    """
    if not check:
        ask(settings, user)
        said = f"user {user} is to be erased: a flow that runs does it at once; headrace erase {user} --check looks"
        click.echo(json.dumps({"user_id": user, "asked": True}) if as_json else said)
        return
    found = left(settings, user)
    if as_json:
        click.echo(json.dumps({"user_id": user, "left": [asdict(one) for one in found]}, indent=2))
    elif not found:
        click.echo("nothing is left")
    for one in found if not as_json else ():
        click.echo(f"{one.where} {one.what}")
    if found:
        raise click.exceptions.Exit(1)


COMMANDS = [erase]
