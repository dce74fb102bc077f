"""What a few users do over hours and days, in the order in which it arrives, for tests of sessions."""

from typing import Any

from hypothesis import strategies as st

from tests.operators.events import event, symbols_of
from tests.operators.naive_session import MINUTE

Row = dict[str, Any]

HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATENESS = HOUR
START = 1_700_000_000_000 // MINUTE * MINUTE
USERS = (-5, 1, 2**40)

TYPES = ["impression", "click", "like", "comment", "share", "save", "hide", "report", "dwell", "mute"]
CODES = {name: code for code, name in enumerate(symbols_of("Interaction", "type"))}

# Steps of hours reach the end of a session's day, those of about half an hour its edges.
steps = st.one_of(
    st.integers(0, 5 * MINUTE),
    st.sampled_from([29, 30, 31, 32]).flatmap(
        lambda minutes: st.sampled_from([-1, 0, 1]).map(lambda ms: minutes * MINUTE + ms)
    ),
    st.integers(0, 29 * MINUTE),
    st.integers(0, 3 * HOUR),
    st.sampled_from([25 * HOUR, 300 * DAY]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Interactions of a few users, in order of their arrival, none later than an hour."""
    rows: list[Row] = []
    clock = START + draw(st.integers(-1, MINUTE))
    for step in draw(st.lists(steps, min_size=1, max_size=draw(st.sampled_from([5, 40])))):
        late = draw(st.one_of(st.just(0), st.just(0), st.integers(0, LATENESS)))
        clock += step
        rows.append(
            event(
                type=draw(st.one_of(st.sampled_from(TYPES), st.sampled_from([*CODES]))),
                user_id=draw(st.sampled_from(USERS)),
                post_id=draw(st.integers(-1, 4)),
                at_ms=clock - late,
            )
        )
    return rows
