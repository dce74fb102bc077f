"""What people do with what they are shown: labels, their delays, and labels that are taken back."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.frame import Int64s
from sources.simulate.events import FOLLOW, FOLLOWING, TYPES, UNFOLLOW, Rows
from sources.simulate.figures import CLICK_CURVE, DELAYS, DWELL, LABEL_SHARES, TAKEN_BACK
from sources.simulate.impressions import Shown
from sources.simulate.network import Network
from sources.simulate.posting import Posts
from sources.simulate.quantiles import Floats
from sources.simulate.traffic import HOUR, SECOND, Dirt

CURVE: Final = np.array(CLICK_CURVE)
INTERESTED: Final = 1.6
"""How much likelier a label is where the user is interested in a topic of the post."""
DELAY_OF: Final = {"hide": "negative", "report": "negative", "mute": "negative"}
NEGATIVE: Final = frozenset(DELAY_OF)
"""Labels that an appealing post gets less often."""


@dataclass(frozen=True, slots=True)
class Done:
    """What follows from the impressions of a slice."""

    interactions: Rows
    """The impressions and all labels."""
    follows: Rows


def engage(rng: np.random.Generator, shown: Shown, posts: Posts, network: Network, dirt: Dirt) -> Done:
    """The labels of these impressions, whenever they will happen."""
    views = shown.rows
    taste = np.where(shown.match, INTERESTED, 1.0) * shown.appeal
    liking, dislike = _mean_one(taste), _mean_one(1 / taste)
    sharing = _mean_one(taste * (1 + shown.age_ms / HOUR) ** -0.5)
    clicked = _drawn(rng, CURVE[np.minimum(views["position"], len(CURVE)) - 1] * liking)
    labels = {"click": _delayed(rng, views, clicked, "click")}
    for name in ("comment", "share", "save", "hide", "report", "mute"):
        factor = dislike if name in NEGATIVE else sharing if name == "share" else liking
        labels[name] = _delayed(rng, views, _drawn(rng, LABEL_SHARES[name] * factor), name)
    labels["like"] = _likes(rng, views, _drawn(rng, LABEL_SHARES["like"] * liking), posts, dirt)
    labels["dwell"] = _dwells(rng, views, _drawn(rng, LABEL_SHARES["dwell"] * liking), dirt.missing_dwell)
    back = [_taken_back(rng, labels[name], name) for name in TAKEN_BACK]
    done = np.concatenate((*labels.values(), _twice(rng, labels["click"], dirt.double_clicks), *back))
    no_request = rng.random(len(done)) < dirt.missing_request
    done["request_id"][no_request] = 0
    done["position"][no_request] = 0
    wanted = _drawn(rng, np.where(shown.discovered, LABEL_SHARES["follow"] * liking, 0.0))
    return Done(np.concatenate((views, done)), _follows(rng, views, wanted, network))


def _mean_one(factor: Floats) -> Floats:
    return factor / factor.mean() if len(factor) else factor


def _drawn(rng: np.random.Generator, chance: Floats) -> Int64s:
    return np.flatnonzero(rng.random(len(chance)) < chance)


def _labels(views: Rows, index: Int64s, name: str, delay_s: Floats) -> Rows:
    rows = views[index]
    rows["type"] = TYPES[name]
    rows["at_ms"] += (delay_s * SECOND).astype(np.int64)
    return rows


def _delayed(rng: np.random.Generator, views: Rows, index: Int64s, name: str) -> Rows:
    return _labels(views, index, name, DELAYS[DELAY_OF.get(name, name)].at(rng.random(len(index))))


def _dwells(rng: np.random.Generator, views: Rows, index: Int64s, missing: float) -> Rows:
    """One draw decides both length and delay, so that a report is never earlier than the dwell is over."""
    drawn = rng.random(len(index))
    rows = _labels(views, index, "dwell", DELAYS["dwell"].at(drawn))
    rows["dwell_ms"] = np.where(rng.random(len(rows)) < missing, -1, DWELL.at(drawn) * SECOND)
    return rows


def _likes(rng: np.random.Generator, views: Rows, index: Int64s, posts: Posts, dirt: Dirt) -> Rows:
    """Likes, some of them earlier than their view, some of another post whose view was never logged."""
    rows = _delayed(rng, views, index, "like")
    kind = rng.random(len(rows))
    early = np.flatnonzero(kind < dirt.early_likes)
    rows["at_ms"][early] = views["at_ms"][index[early]] - rng.integers(1_000, 60_000, len(early))
    unseen = np.flatnonzero((kind >= dirt.early_likes) & (kind < dirt.early_likes + dirt.unseen_likes))
    other = posts[posts.any_before(rng, rows["at_ms"][unseen])]
    for field in ("post_id", "author", "content"):
        rows[field][unseen] = other[field]
    for missing in (early, unseen):
        rows["request_id"][missing] = 0
        rows["position"][missing] = 0
    return rows


def _twice(rng: np.random.Generator, clicks: Rows, share: float) -> Rows:
    """The same click reported again, a moment later, as an event of its own."""
    rows = clicks[rng.random(len(clicks)) < share]
    rows["at_ms"] += rng.integers(50, 400, len(rows))
    return rows


def _taken_back(rng: np.random.Generator, rows: Rows, name: str) -> Rows:
    """The unlikes, unhides and unmutes of these labels."""
    back = rows[rng.random(len(rows)) < TAKEN_BACK[name]]
    back["type"] = TYPES[f"un{name}"]
    back["at_ms"] += (SECOND * (2 + rng.exponential(300, len(back)))).astype(np.int64)
    return back


def _follows(rng: np.random.Generator, views: Rows, index: Int64s, network: Network) -> Rows:
    """Authors followed after a discovery, and a fifth as many follows of the network that end."""
    index = index[views["user"][index] != views["author"][index]]
    ends = rng.integers(
        0, max(1, len(network.authors)), rng.poisson(len(index) / 5) if len(network.authors) else 0
    )
    rows = np.zeros(len(index) + len(ends), FOLLOWING)
    new, gone = rows[: len(index)], rows[len(index) :]
    new["op"], gone["op"] = FOLLOW, UNFOLLOW
    new["follower"], new["author"] = views["user"][index], views["author"][index]
    delay = DELAYS["follow"].at(rng.random(len(index)))
    new["at_ms"] = views["at_ms"][index] + (delay * SECOND).astype(np.int64)
    gone["follower"] = np.searchsorted(network.starts, ends, side="right") - 1
    gone["author"] = network.authors[ends]
    gone["at_ms"] = views["at_ms"][rng.integers(0, max(1, len(views)), len(ends))]
    rows["weight"] = rng.random(len(rows), np.float32)
    rows["partition"] = network.partition[rows["follower"]]
    return rows
