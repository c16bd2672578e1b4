"""Opens a page of the app without a browser, on made-up runs, and reads what the player was given."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

ROUTER = str(Path(__file__).parents[2] / "pages" / "router.py")
# Streamlit scans the metadata of every installed package for components in each AppTest, which takes most of its time.
SCANNED = functools.cache(manifest_scanner.scan_component_manifests)


def opened(page: str, **link: str) -> AppTest:
    """The page after its first run, with this link. page: its folder."""
    at = AppTest.from_file(ROUTER, default_timeout=60)
    if page != "story":
        # `switch_page` would have to run the router first: every page's file is called page.py.
        at._page_hash = calc_hash(page.replace("_", "-"))
    for name, value in link.items():
        at.query_params[name] = value
    with patch.object(manifest_scanner, "scan_component_manifests", SCANNED):
        return at.run()


def healthy(at: AppTest) -> AppTest:
    """Fails with the page's own words when it shows an exception."""
    assert not at.exception, [error.value for error in at.exception]
    return at


def texts(at: AppTest) -> str:
    """Everything that the page says, as one text."""
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error, at.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def played(at: AppTest, key: str = "player") -> dict[str, Any]:
    """What the page gave to its player, its film put together and by its name; fails when there is none on it."""
    parts: list[dict[str, Any]] = []
    for element in at.get("bidi_component"):
        proto = element.proto
        if proto.component_name == "sbp_film_part":
            parts.append(json.loads(proto.json))
        elif proto.component_name == "sbp_player":
            data, of_this, parts = dict(json.loads(proto.json)), parts, []
            if key in proto.id:
                assert of_this[-1]["of"] == data["film"]
                return data | {"name": data["film"], "film": whole(of_this)}
    raise AssertionError("There is no player on the page.")


def whole(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """A film from its parts (`sbp.viz.film_parts.cut`)."""
    film = dict(json.loads(json.dumps(parts[-1]["film"])))
    assert parts[-1]["names"] == [part["name"] for part in parts[:-1]]
    for part in parts[:-1]:
        for path, values in json.loads(part["lists"]).items():
            node: Any = film
            for step in path.split("."):
                node = node[int(step) if isinstance(node, list) else step]
            node.extend(values)
    return film


def labels(at: AppTest) -> list[str]:
    """The words on the page's buttons."""
    return [button.label for button in at.button]
