import pytest

from schemas.errors import HeadraceError
from state.fingerprint import check


def test_the_same_settings_say_nothing() -> None:
    assert check({"a": "1"}, {"a": "1"}, set()) == []


def test_what_may_change_is_told() -> None:
    changes = check({"registry": "1"}, {"registry": "2", "new": "x"}, {"registry", "new"})
    assert changes == ["new changed from not set to x", "registry changed from 1 to 2"]


def test_what_may_not_is_named_with_both_values() -> None:
    with pytest.raises(HeadraceError) as caught:
        check({"late": "60", "cap": "1", "ok": "1"}, {"late": "90", "ok": "2"}, {"ok"})
    assert "cap was 1 and is now not set; late was 60 and is now 90" in str(caught.value)
    assert "ok" not in str(caught.value).split(":")[0]
