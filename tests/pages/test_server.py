"""What the server is set to, and the table of session keys and query parameters."""

from __future__ import annotations

import ast
import doctest
import gc
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
from streamlit import config

from pages.shared import assets, outside, server, state

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "pages").rglob("*.py"))


def in_a_loop(function: Callable[..., Any], *arguments: Any) -> Any:
    """Runs an async function to its end, in a thread: Playwright's loop may be running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, function, *arguments).result()


def test_every_option_of_the_config_exists_and_is_safe() -> None:
    options = config.get_config_options(force_reparse=False)
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    flat = {}
    for section, values in settings.items():
        for name, value in values.items():
            nested = isinstance(value, dict)
            flat.update(
                {f"{section}.{name}.{key}": v for key, v in value.items()} if nested else {f"{section}.{name}": value}
            )
    assert [name for name in flat if name not in options] == []
    assert flat["server.address"] == "127.0.0.1"
    assert flat["server.allowedHosts"] == ["localhost", "127.0.0.1"]
    assert flat["server.enableXsrfProtection"] is True
    assert flat["browser.gatherUsageStats"] is False
    assert flat["runner.postScriptGC"] is False
    assert flat["client.showErrorDetails"] == "none"


def test_the_lifespan_freezes_what_was_imported_and_hands_freed_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(server, "hand_back_freed_memory", lambda: asked.append(True))

    async def live() -> int:
        async with server.lifespan(None):
            return gc.get_freeze_count()

    try:
        assert in_a_loop(live) > 10_000
        assert asked
    finally:
        gc.unfreeze()


def test_headers_of_the_page_itself_are_left_alone() -> None:
    async def page(scope: object, receive: object, send: server.Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"DENY")]})

    sent: list[dict[str, list[tuple[bytes, bytes]]]] = []

    async def keep(message: dict[str, list[tuple[bytes, bytes]]]) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"host", b"lab:8501")]}
    in_a_loop(server.SecurityHeaders(page), scope, None, keep)
    headers = dict(sent[0]["headers"])
    assert headers[b"x-frame-options"] == b"DENY"
    policy = headers[b"content-security-policy"]
    assert b"object-src 'none'" in policy
    assert b"connect-src 'self' ws://lab:8501 wss://lab:8501 data: blob:;" in policy


@pytest.mark.parametrize(
    ("path", "query", "leads"),
    [
        ("/story", b"epoch=7", "./?epoch=7"),
        ("/sbp/story", b"", "./"),
        ("/channels", b"", None),
        ("/history", b"", None),
    ],
)
def test_the_front_pages_own_name_leads_to_it(path: str, query: bytes, leads: str | None) -> None:
    async def page(scope: object, receive: object, send: server.Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    in_a_loop(server.FrontPage(page), {"type": "http", "path": path, "query_string": query}, None, keep)
    assert dict(sent[0]["headers"]).get(b"location") == (leads and leads.encode())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT / "pages")))
def test_every_session_key_stands_in_the_table(path: Path) -> None:
    known = {*state.SESSION, *(field.name for field in state.FIELDS)}
    used = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = None
        if isinstance(node, ast.keyword) and node.arg == "key":
            named = node.value
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("st.session_state", "st.query_params"):
            named = node.slice
        if isinstance(named, ast.Constant) and isinstance(named.value, str):
            used.add(named.value)
    assert used - known == set(), "name it in pages/shared/state.py"


@pytest.mark.parametrize("module", [state, assets, outside, server], ids=lambda module: module.__name__)
def test_examples_of_the_docstrings(module: ModuleType) -> None:
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
