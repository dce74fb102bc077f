"""`headrace features`: the feature registry, and the vectors that Redis holds."""

import json

import click

from flows.cli.common import common_options, json_option
from flows.cli.table import print_table
from flows.cli.vector_view import print_pairs, print_vector
from schemas.effects import ENTITIES
from schemas.errors import UsageError
from schemas.registry import Registry
from schemas.settings import Settings
from serving import affinity
from serving.features import read_features

KINDS = (*ENTITIES, *affinity.ENTITIES)
"""What Redis holds vectors of; those of affinity are by user."""


# Ids may be negative: -5 is no option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("kind", required=False, metavar=f"[{'|'.join(KINDS)}]")
@click.argument("id", required=False, type=int)
@click.option("--registry", "registry", is_flag=True, help="Print the features of every vector instead.")
@common_options
@json_option
def features(settings: Settings, kind: str | None, id: int | None, registry: bool, as_json: bool) -> None:
    """Print the vector of a post, an author or a user as Redis holds it, or with --registry what is in a vector.

    affinity USER and affinity_type USER print what a user is to each author or content type.
    """
    if registry:
        _print_registry(Registry.of(settings), as_json)
    elif kind not in KINDS or id is None:
        raise UsageError(
            "say which vector, as in: headrace features post 123; or what is in one: features --registry"
        )
    elif kind in affinity.ENTITIES:
        pairs = affinity.read_affinity(settings, kind, id)
        if as_json:
            click.echo(json.dumps(pairs, indent=2))
        else:
            print_pairs(pairs)
    else:
        _print_vector(settings, kind, id, as_json)


def _print_registry(registry: Registry, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(registry.as_json(), indent=2))
        return
    click.echo(f"feature set {registry.name}-{registry.version}\n")
    rows = [
        (
            feature.name,
            feature.window,
            feature.pane or "",
            feature.formula,
            "" if feature.default is None else f"{feature.default:g}",
            feature.doc,
        )
        for feature in registry.features
    ]
    print_table([("feature", "window", "pane", "formula", "default", "meaning"), *rows])
    click.echo()
    print_table(
        [("constant", "value"), *((name, f"{value:.10g}") for name, value in registry.constants.items())]
    )


def _print_vector(settings: Settings, kind: str, id: int, as_json: bool) -> None:
    vector = read_features(settings, kind, id)
    if as_json:
        click.echo(json.dumps(vector, indent=2))
    else:
        print_vector(vector)


COMMANDS = [features]
