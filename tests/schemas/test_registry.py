"""The feature registry: what the built-in vectors hold, how one entry adds features, and what is refused."""

from pathlib import Path

import pytest

from schemas.constants import constants_of
from schemas.errors import UsageError
from schemas.registry import ENTITIES, PAIR_FEATURES, PAIRS, Registry
from schemas.settings import Settings, load
from schemas.windows import WINDOWS


def registry(folder: Path, text: str) -> Registry:
    file = folder / "mine.toml"
    file.write_text(text)
    return Registry.load(file)


HEAD = 'name = "mine"\nversion = 7\n'
ENTRY = '[[feature]]\nname = "likes_per_click"\nwindows = { post = ["1h", "24h"] }\n'
ENTRY += 'formula = "likes / clicks"\ndoc = "x"\n'


def test_the_built_in_vectors_cover_every_window_of_their_entity() -> None:
    built_in = Registry.load()
    assert built_in.windows("post") == ["5m", "30m", "1h", "24h", "lifetime"]
    assert built_in.windows("author") == ["24h", "7d"]
    assert built_in.windows("user") == ["24h", "7d", "session"]
    for entity in ENTITIES.keys() - set(PAIRS):
        assert 20 <= len(built_in.entity(entity)) <= 45
    for entity in PAIRS:
        assert built_in.windows(entity) == ["7d", "30d"]
        assert len(built_in.entity(entity)) <= PAIR_FEATURES


def test_a_vector_of_a_pair_is_small(tmp_path: Path) -> None:
    many = "".join(
        ENTRY.replace("likes_per_click", f"likes_{number}").replace(
            'post = ["1h", "24h"]', 'user_type = ["30d"]'
        )
        for number in range(13)
    )
    with pytest.raises(
        UsageError, match=r"user_type has 13 features.* 12; take .* of user_type_likes_12_30d"
    ):
        registry(tmp_path, HEAD + many)
    assert len(registry(tmp_path, HEAD + many.partition('[[feature]]\nname = "likes_12')[0]).features) == 12


@pytest.mark.parametrize(
    "entry", [ENTRY.replace("post", "user_author"), ENTRY.replace("likes /", "likes_1h /")]
)
def test_pairs_are_counted_by_the_day(tmp_path: Path, entry: str) -> None:
    pairs = entry.replace('post = ["1h", "24h"]', 'user_author = ["7d"]')
    with pytest.raises(UsageError, match="user_author may read the windows 7d and 30d, not 1h"):
        registry(tmp_path, HEAD + pairs)


def test_names_are_unique_and_entities_follow_each_other() -> None:
    features = Registry.load().features
    assert len({feature.name for feature in features}) == len(features)
    entities = [feature.entity for feature in features]
    assert entities == sorted(entities, key=list(ENTITIES).index)


def test_smoothed_rates_keep_numerator_and_denominator() -> None:
    names = {feature.name for feature in Registry.load().features}
    for name in names:
        if "_ctr_" in name and "position" not in name:
            assert {name.replace("_ctr_", "_clicks_"), name.replace("_ctr_", "_impressions_")} <= names


def test_velocity_is_per_hour_and_trend_compares_two_windows() -> None:
    by_name = {feature.name: feature for feature in Registry.load().features}
    assert by_name["post_velocity_5m"].formula == "engagements * 3600000 / 300000"
    assert by_name["post_trend_1h"].counters == {("engagements", "5m"), ("engagements", "1h")}
    assert by_name["author_velocity_7d"].formula.endswith(f"/ {WINDOWS['7d'].length_ms}")


def test_json_has_the_promised_keys() -> None:
    text = Registry.load().as_json()
    assert list(text) == ["feature_set", "constants", "features"]
    assert text["features"][12] == {
        "name": "post_ctr_1h",
        "group": "item",
        "entity": "post",
        "window": "1h",
        "pane": "1m",
        "formula": "smooth(clicks, impressions, p0_ctr)",
        "type": "float",
        "default": 0.05,
        "doc": "clicks per impression, smoothed",
    }
    panes = {feature["window"]: feature["pane"] for feature in text["features"]}
    assert panes == {
        "5m": "10s",
        "30m": "10s",
        "1h": "1m",
        "24h": "1h",
        "7d": "1d",
        "30d": "1d",
        "lifetime": None,
        "session": "1m",
    }


def test_the_published_feature_set_says_how_to_use_each_number() -> None:
    published = Registry.load().feature_set()
    assert (published["name"], published["version"]) == ("headrace", 2)
    assert {feature["group"] for feature in published["features"]} == {"item", "user"}
    assert all(
        list(f) == ["name", "group", "entity", "type", "default", "crosses", "doc"]
        for f in published["features"]
    )


def test_constants_come_from_the_settings() -> None:
    env = {"HEADRACE_SMOOTHING": "5", "HEADRACE_PRIORS__CTR": "0.5", "HEADRACE_POSITION_CURVE": "900,800"}
    constants = Registry.of(load(env=env)).constants
    assert (constants["a"], constants["p0_ctr"]) == (5, 0.5)
    assert [name for name in constants if name.startswith("e_")] == ["e_1", "e_2", "e_null"]
    assert (constants["e_2"], constants["edge_9"]) == (800, 1_800_000)
    assert constants_of(Settings())["a"] == 20


def test_one_entry_adds_a_feature_for_each_window(tmp_path: Path) -> None:
    mine = registry(tmp_path, HEAD + ENTRY)
    assert [feature.name for feature in mine.features] == [
        "post_likes_per_click_1h",
        "post_likes_per_click_24h",
    ]
    assert (mine.name, mine.version, mine.windows("post"), mine.windows("user")) == (
        "mine",
        7,
        ["1h", "24h"],
        [],
    )


def test_entries_of_a_file_on_the_built_in_base_come_after_its_entries(tmp_path: Path) -> None:
    mine = registry(tmp_path, HEAD + 'base = "built-in"\n' + ENTRY)
    before = [feature.name for feature in Registry.load().entity("post")]
    assert [feature.name for feature in mine.entity("post")][: len(before)] == before
    assert len(mine.entity("post")) == len(before) + 2


def test_another_window_in_a_formula_is_counted_too(tmp_path: Path) -> None:
    assert registry(tmp_path, HEAD + ENTRY.replace("likes /", "likes_5m /")).windows("post") == [
        "5m",
        "1h",
        "24h",
    ]


def test_own_constants_and_defaults_by_name(tmp_path: Path) -> None:
    entry = ENTRY.replace("/ clicks", "* half") + 'default = "half"\n'
    feature = registry(tmp_path, HEAD + "[constants]\nhalf = 0.5\n" + entry).features[0]
    assert feature.default == 0.5


SESSION_ENTRY = ENTRY.replace('post = ["1h", "24h"]', 'user = ["session", "24h"]')


def test_what_is_counted_of_sessions_may_be_read_from_other_windows_of_users(tmp_path: Path) -> None:
    """Only `events`, `posts` and `length_ms` must be of the session, by the feature's window or by their own."""
    entry = SESSION_ENTRY.replace(
        "likes / clicks", "engagements / impressions + events_session / length_ms_session"
    )
    mine = registry(tmp_path, HEAD + entry)
    assert mine.windows("user") == ["24h", "session"]
    assert [feature.pane for feature in mine.features] == ["1m", "1h"]
    assert mine.features[1].counters == {
        ("engagements", "24h"),
        ("impressions", "24h"),
        ("events", "session"),
        ("length_ms", "session"),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY, ["mine.toml", "name"]),
        (HEAD + SESSION_ENTRY, ["of a session there is no clicks", "engagements, posts"]),
        (HEAD + SESSION_ENTRY.replace("likes / clicks", "posts"), ["posts is there of", "not of 24h"]),
        (HEAD + SESSION_ENTRY.replace("likes / clicks", "quantile(0.5)"), ["session have no quantile"]),
        (HEAD + ENTRY.replace("24h", "session"), ["sessions are of users", "away from post"]),
        (HEAD + ENTRY.replace("likes /", "events_session /"), ["sessions are of users"]),
        (HEAD.replace("7", "70000") + ENTRY, ["version"]),
        (
            HEAD + ENTRY.replace("likes /", "like /"),
            ["feature likes_per_click", "character 1", "did you mean likes?"],
        ),
        (HEAD + ENTRY.replace("1h", "2h"), ["'2h' is no window"]),
        (HEAD + ENTRY.replace("post", "page"), ["feature likes_per_click", "page"]),
        (HEAD + ENTRY.replace("doc", "dock"), ["unknown key dock", "did you mean doc?"]),
        (HEAD + ENTRY.replace("name", "nam"), ["feature number 1", "did you mean name?"]),
        (HEAD + ENTRY + 'default = "p0_crt"', ["p0_crt", "neither a number nor a constant"]),
        (HEAD + ENTRY + ENTRY, ["post_likes_per_click_1h", "twice"]),
        (
            HEAD + ENTRY.replace("clicks", "{window_ms}").replace("24h", "lifetime"),
            ["lifetime has no length"],
        ),
        (HEAD + "[constants]\np0_ctr = 1\n" + ENTRY, ["p0_ctr", "from the settings"]),
        (HEAD + ENTRY.replace("[[feature]]", "[feature]"), ["[[feature]]"]),
        ("name =", ["not valid TOML"]),
    ],
)
def test_a_wrong_file_is_refused_with_its_entry(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        registry(tmp_path, text)
    assert [word for word in words if word not in str(error.value)] == []


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        Registry.load(Path("nowhere.toml"))
