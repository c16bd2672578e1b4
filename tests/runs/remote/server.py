"""An S3-compatible server on loopback, moto's, in a process of its own, behind a door that can be shut."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

PATIENCE = 60.0


class Door:
    """Passes what comes to its port on to another; shut, it refuses, and ends what passes."""

    def __init__(self, port: int) -> None:
        self.behind, self.port = port, 0
        self.open()

    def open(self) -> None:
        """Listens, again at the port where it listened before."""
        self._passing: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", self.port))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._pass, args=(self._door,), daemon=True).start()

    def shut(self) -> None:
        """Refuses whatever comes."""
        for one in (self._door, *self._passing):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _pass(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                comes, _ = door.accept()
                goes = socket.create_connection(("127.0.0.1", self.behind))
                self._passing += comes, goes
                for ends in ((comes, goes), (goes, comes)):
                    threading.Thread(target=_copy, args=ends, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(2**16):
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Server:
    """moto's server with one bucket; `environment` is what its clients need."""

    def __init__(self, place: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with open(place / "moto.log", "ab") as log:
            words = ["moto.server", "-H", "127.0.0.1", "-p", str(port)]
            self.process = subprocess.Popen([sys.executable, "-m", *words], stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                bucket = urllib.request.Request(f"http://127.0.0.1:{port}/bucket", method="PUT")
                urllib.request.urlopen(bucket).close()
                break
            except OSError:
                assert time.monotonic() < end, (place / "moto.log").read_text()
                time.sleep(0.1)
        self.door = Door(port)
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.door.port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "no_proxy": os.environ.get("no_proxy", "") + ",127.0.0.1",
        }

    def close(self) -> None:
        """Ends it."""
        self.door.shut()
        self.process.kill()
        self.process.wait()
