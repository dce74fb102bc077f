import json
from typing import Any

import pytest

from schemas.errors import HeadraceError
from state.chunks import Chunk
from state.manifest import Manifest

MANIFEST = Manifest({"cap": "100"}, {"watermark": -7}, (Chunk("posts-1.arrow", "posts", 3, 400, "00ff00ff"),))


def test_it_survives_json() -> None:
    assert Manifest.from_plain(json.loads(json.dumps(MANIFEST.to_plain()))) == MANIFEST


@pytest.mark.parametrize("layout", [0, 2, None])
def test_another_layout_is_refused(layout: int | None) -> None:
    plain = MANIFEST.to_plain() | {"layout": layout}
    with pytest.raises(HeadraceError, match=f"layout {layout} and this version reads 1"):
        Manifest.from_plain(plain)


@pytest.mark.parametrize("change", [{"chunks": [{"name": "x"}]}, {"facts": None}, {"chunks": None}])
def test_a_damaged_one_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(HeadraceError, match="manifest is damaged"):
        Manifest.from_plain(MANIFEST.to_plain() | change)
