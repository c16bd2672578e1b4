"""What the server does besides running pages: warm start, reaping of finished workers, security headers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import re
from collections.abc import AsyncIterator
from typing import Any

from altair.utils import schemapi
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sbp.machine.memory import hand_back_freed_memory
from sbp.runs import launcher

# What the first visitor would otherwise wait for. No torch: pages read stored numbers.
WARM = ("numpy", "pandas", "pyarrow", "altair", "sbp.distributions.moments")

REAP_SECONDS = 2.0
FRONT = "story"  # the page that opens without a name

# Streamlit's page starts with one inline script, components and charts are built with eval and from blob: addresses,
# and styles are inline: those exceptions stay. Nothing is loaded from, sent to, or framed by another site.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' {sockets} data: blob:",
        "worker-src 'self' blob:",
        "media-src 'self' data: blob:",
        "frame-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def web_sockets(host: str) -> str:
    """The addresses of WebSockets of the host that was asked, which some browsers do not count as 'self'.

    >>> web_sockets("lab:8501"), web_sockets("evil; script-src *")
    ('ws://lab:8501 wss://lab:8501', '')
    """
    return f"ws://{host} wss://{host}" if re.fullmatch(r"[\w.-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?", host) else ""


class SecurityHeaders:
    """Adds `HEADERS` to every answer of the server that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        sockets = web_sockets(Headers(scope=scope).get("host", ""))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value.format(sockets=sockets))
            await send(message)

        await self.app(scope, receive, send_with_headers)


class FrontPage:
    """Leads from the front page's own name, which Streamlit does not know, to where it is; the link's values stay."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http" and scope["path"].endswith(f"/{FRONT}"):
            query = scope["query_string"].decode("latin-1")
            app = RedirectResponse(f"./?{query}" if query else "./")
        await app(scope, receive, send)


MIDDLEWARE = [Middleware(SecurityHeaders), Middleware(FrontPage)]


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Imports what pages need and freezes it, then reaps finished workers until the server stops.

    Frozen objects are skipped by every later garbage collection, which is what keeps a rerun short.
    """
    hand_back_freed_memory()
    for name in WARM:
        importlib.import_module(name)
    # Every part of a chart would be validated against Vega-Lite's schema as it is made, which is most of what making it
    # takes; the tests, which run pages without this server, do that.
    schemapi.disable_debug_mode()
    gc.collect()
    gc.freeze()
    reaper = asyncio.create_task(_reap_forever())
    try:
        yield
    finally:
        reaper.cancel()


async def _reap_forever() -> None:
    """A worker that has ended stays a zombie until its parent asks for it, and nobody may be looking at a page."""
    while True:
        await asyncio.sleep(REAP_SECONDS)
        launcher.reap()
