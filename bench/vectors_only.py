"""A part of the flow `windows` as a flow: the vectors of posts, authors and users, and what trends."""

from flows.drawing import Drawing
from flows.observe import Observer
from flows.outputs import dead_letters, redis
from operators.items import Items
from operators.partial import ItemPartials
from operators.trends import TopPosts, Trends
from operators.users import Users
from schemas.registry import Registry
from schemas.settings import Settings

NAME = "vectors_only"


def drawing(settings: Settings, observer: Observer) -> Drawing:
    """The flow as a drawing."""
    registry = Registry.of(settings)
    curve, shards = settings.position_curve, settings.shards
    ttl_ms = {entity: seconds * 1000 for entity, seconds in settings.ttl.seconds().items()}
    flow = Drawing(NAME)
    rows, refused = flow.read("events", "interactions", optional=("users",))
    users = flow.keep("users", rows, Users(registry, curve, ttl_ms))
    partials = flow.spread("partials", rows, ItemPartials(registry, curve, shards))
    items = flow.keep("items", partials, Items(registry, curve, ttl_ms, shards))
    trends = flow.gather("trends", items, TopPosts, Trends(shards))
    flow.write("redis", users, items, trends, to=lambda: redis(settings, registry, observer))
    flow.write("dead_letters", refused, to=lambda: dead_letters(settings, NAME))
    return flow
