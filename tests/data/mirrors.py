"""A server of files on this machine, that fails as servers do."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Mirrors:
    """On this machine: /missing/ has nothing, /wrong/ sends other bytes, /cut/ stops halfway, /good/."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.asked: list[str] = []
        mirrors = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirrors.asked.append(self.path)
                _, place, name = self.path.split("/")
                if place == "missing":
                    self.send_error(404)
                    return
                body = files[name] if place in ("good", "cut") else b"a page of a hotel's network"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if place == "cut" else body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def at(self, *places: str) -> tuple[str, ...]:
        return tuple(f"http://127.0.0.1:{self.server.server_port}/{place}/" for place in places)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
