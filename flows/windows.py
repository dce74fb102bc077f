"""Interactions become live feature vectors of posts, authors and users, and the lists of trending posts.

                          +--> seen, hidden, muted -------------+
                          |                                     |
                          +--> users, affinity -----------------+
                          |                                     |
interactions, users --> judge --> partials --> items --+--------+--> Redis
                          |                            |        |
                          +--> dead_letters            +-> trends

Rows stay in the shard of their user; partial sums go to the shards of posts and authors, and from each of these what
trends in it to one place.
"""

from flows.drawing import Drawing
from flows.observe import Observer
from flows.outputs import dead_letters, redis
from operators.affinity import Affinity
from operators.hidden import HIDDEN, MUTED
from operators.items import Items
from operators.partial import ItemPartials
from operators.seen import Seen
from operators.trends import TopPosts, Trends
from operators.users import Users
from schemas.registry import Registry
from schemas.settings import Settings

NAME = "windows"


def drawing(settings: Settings, observer: Observer) -> Drawing:
    """The flow as a drawing."""
    registry = Registry.of(settings)
    curve, shards = settings.position_curve, settings.shards
    ttl_ms = {entity: seconds * 1000 for entity, seconds in settings.ttl.seconds().items()}
    flow = Drawing(NAME)
    rows, refused = flow.read("events", "interactions", optional=("users",))
    seen = flow.keep("seen", rows, Seen())
    hidden = flow.keep("hidden", rows, HIDDEN)
    muted = flow.keep("muted", rows, MUTED)
    users = flow.keep("users", rows, Users(registry, curve, ttl_ms))
    affinity = flow.keep("affinity", rows, Affinity(registry, curve, ttl_ms["user"]))
    partials = flow.spread("partials", rows, ItemPartials(registry, curve, shards))
    items = flow.keep("items", partials, Items(registry, curve, ttl_ms, shards))
    trends = flow.gather("trends", items, TopPosts, Trends(shards))
    flow.write(
        "redis",
        seen,
        hidden,
        muted,
        users,
        affinity,
        items,
        trends,
        to=lambda: redis(settings, registry, observer),
    )
    flow.write("dead_letters", refused, to=lambda: dead_letters(settings, NAME))
    return flow
