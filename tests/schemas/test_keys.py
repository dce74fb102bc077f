"""Keys in Redis: spelled as promised, one slot a user."""

import re

import pytest

from schemas.keys import KEYS, affixes, key


def test_keys_are_spelled_as_promised() -> None:
    assert key("features_post", post=-5) == "features:post:-5"
    assert key("features_author", author=0) == "features:author:0"
    assert key("features_user", user=7) == "features:user:{7}"
    assert key("trending", region="all") == "trending:all"
    assert key("inbox", user=7, prefix="blue:") == "blue:inbox:{7}"
    assert key("seen", user=7, day=20577) == "seen:{7}:20577"


def test_all_keys_of_a_user_share_a_slot() -> None:
    for kind in KEYS.values():
        assert ("{<user>}" in kind.pattern) == ("user" in kind.placeholders)


@pytest.mark.parametrize("name", [name for name, kind in KEYS.items() if len(kind.placeholders) == 1])
def test_affixes_put_the_same_key_together(name: str) -> None:
    before, after = affixes(name, "p:")
    assert f"{before}12{after}" == key(name, "p:", **{KEYS[name].placeholders[0]: 12})


def test_a_wrong_placeholder_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="takes \\['user'\\]"):
        key("inbox", post=1)


def test_no_two_kinds_can_spell_the_same_key() -> None:
    """`model:<name>` and `model:<name>:<version>` differ as long as names have no colon."""
    for name, kind in KEYS.items():
        spelled = re.compile(
            re.sub(r"<\w+>", "[^:{}]+", kind.pattern.replace("{", "\\{").replace("}", "\\}"))
        )
        assert [other for other, known in KEYS.items() if spelled.fullmatch(known.example)] == [name]


def test_a_sample_fits_its_type() -> None:
    filled_by = {
        "string": {"bytes", "vector"},
        "zset": {"members"},
        "set": {"members"},
        "hash": {"fields", "bytes"},
    }
    for kind in KEYS.values():
        used = {field for field in ("members", "fields", "bytes", "vector") if getattr(kind.sample, field)}
        assert used, kind.pattern
        assert used <= filled_by[kind.type], kind.pattern
