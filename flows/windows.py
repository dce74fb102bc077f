"""Interactions become live feature vectors of posts, authors and users, and the lists of trending posts.

interactions, users --> judge --+--> windows --+--> Redis
                          |     |              |
                          |     +--> regions --+
                          |
                          +--> dead_letters
"""

from flows.drawing import Drawing
from flows.observe import Observer
from flows.outputs import dead_letters, redis
from operators.regions import RegionTrends
from operators.windows import Windows
from schemas.registry import Registry
from schemas.settings import Settings

NAME = "windows"


def drawing(settings: Settings, observer: Observer) -> Drawing:
    """The flow as a drawing."""
    registry = Registry.of(settings)
    flow = Drawing(NAME)
    rows, refused = flow.read("events", "interactions", optional=("users",))
    windows = Windows(
        registry,
        settings.position_curve,
        {entity: seconds * 1000 for entity, seconds in settings.ttl.seconds().items()},
    )
    vectors = flow.keep("windows", rows, windows)
    trends = flow.keep("regions", rows, RegionTrends())
    flow.write("redis", vectors, trends, to=lambda: redis(settings, registry, observer))
    flow.write("dead_letters", refused, to=lambda: dead_letters(settings, NAME))
    return flow
