"""Runs a drawing on bytewax: the only place that knows the engine."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from flows.bind_steps import ShardLogic, Sink, Source, part_name
from flows.drawing import Output
from flows.engine_store import engine_store, gist, is_panic
from flows.failure import Failure
from flows.messages import Batch, Message, rows, spread
from flows.plan import Plan
from schemas.errors import HeadraceError

PEER_GONE = "thread panic"
"""Part of what the engine says when a connection to another process breaks."""


def dataflow(plan: Plan, failure: Failure, outputs: dict[str, Output]) -> Dataflow:
    """The drawing as a bytewax dataflow."""
    flow = Dataflow(plan.drawing.name)
    here = _here(plan)
    messages: dict[str, Callable[[Batch], Iterable[Message]]] = {}
    batches: dict[str, Any] = {}
    streams: dict[str, Any] = {}
    for read in plan.drawing.reads:
        batches[read.rows.name] = op.input(read.name, flow, Source(plan, failure, read))
        messages[read.rows.name] = partial(rows, shards=plan.shards)
        refused = op.flat_map(f"{read.name}_refused", batches[read.rows.name], lambda batch: batch.refused)
        streams[read.refused.name] = op.key_on(f"{read.name}_refused_here", refused, lambda item: here)
    for step in plan.drawing.spreads:
        batches[step.items.name] = batches[step.source.name]
        messages[step.items.name] = partial(spread, step.split, shards=plan.shards)
    for keep in plan.drawing.keeps:
        if keep.takes is None:
            route = partial(_routed, plan, failure, messages[keep.source.name])
            routed = op.flat_map(f"{keep.name}_route", batches[keep.source.name], route)
        else:
            routed = op.flat_map(
                f"{keep.name}_route", streams[keep.source.name], partial(_gathered, plan, keep.takes)
            )
        effects = op.stateful_batch(keep.name, routed, partial(ShardLogic, plan, failure, keep))
        streams[keep.effects.name] = op.map(f"{keep.name}_here", effects, lambda keyed: (here, keyed[1]))
    for write in plan.drawing.writes:
        sources = [
            op.filter(
                f"{write.name}_{number}",
                streams[source.name],
                partial(_written, plan.drawing.taken(source)),
            )
            for number, source in enumerate(write.sources)
        ]
        together: Any = op.merge(f"{write.name}_all", *sources)
        op.output(write.name, together, Sink(plan, outputs[write.name], failure))
    return flow


def _here(plan: Plan) -> str:
    return part_name(next(iter(plan.placement.mine), 0))


def _routed(
    plan: Plan, failure: Failure, messages: Callable[[Batch], Iterable[Message]], batch: Batch
) -> list[tuple[str, Message]]:
    routed: list[tuple[str, Message]] = []
    with failure.guard():
        routed += [(plan.placement.key(message.shard), message) for message in messages(batch)]
    return routed


def _gathered(plan: Plan, takes: type, keyed: tuple[str, Any]) -> list[tuple[str, Message]]:
    return [(plan.placement.key(0), Message(0, (keyed[1],)))] if isinstance(keyed[1], takes) else []


def _written(taken: tuple[type, ...], keyed: tuple[str, Any]) -> bool:
    return not isinstance(keyed[1], taken)


def run(plan: Plan) -> None:
    """Run a plan to its end; raises `HeadraceError`."""
    recovery = RecoveryConfig(str(engine_store(plan.state)), backup_interval=timedelta(0))
    epoch = timedelta(milliseconds=plan.settings.epoch_ms)
    failure = Failure(plan.intake.observer.fail)
    with ExitStack() as stack:
        outputs = plan.outputs(stack)
        stack.callback(failure.speak_again)
        try:
            plan.peers.watch()
            cli_main(
                dataflow(plan, failure, outputs),
                process_id=plan.placement.index if plan.peers.addresses else None,
                addresses=list(plan.peers.addresses) or None,
                epoch_interval=epoch,
                recovery_config=recovery,
            )
        except BaseException as error:
            if failure.error is None:
                if not isinstance(error, Exception) and not is_panic(error):
                    raise
                if plan.peers.addresses and PEER_GONE in str(error):
                    raise HeadraceError(
                        "another process of the cluster went away: see what it said, then start all of them again; "
                        "they go on from their last snapshot"
                    ) from error
                raise HeadraceError(
                    f"the engine stopped ({gist(error)}): make room in {plan.state} and let this user write there; if "
                    "that is not it, report it with the lines above; started again, the flow goes on from its last "
                    "snapshot"
                ) from error
        if failure.error is None:
            plan.settle(outputs)
    if failure.error is not None:
        raise failure.error
