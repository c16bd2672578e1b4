"""Pre-coloured pictures: arrays of RGB bytes, and the smallest PNG writer that a page or a chart can show them with."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np


def enlarge(rgb: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel as a square of factor x factor, so that no browser blurs it: [H, W, 3] -> [H f, W f, 3]."""
    return rgb.repeat(factor, axis=0).repeat(factor, axis=1)


def png(rgb: np.ndarray) -> bytes:
    """A PNG file of uint8 [H, W, 3], or of [H, W, 4] with alpha."""
    height, width, channels = rgb.shape
    if rgb.dtype != np.uint8 or channels not in (3, 4):
        raise ValueError(f"Expected uint8 [H, W, 3 or 4], got {rgb.dtype} {list(rgb.shape)}.")
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)  # each row starts with filter type 0
    rows[:, 1:] = rgb.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def data_uri(rgb: np.ndarray) -> str:
    """The PNG as a data: address, for an image mark in a chart."""
    return "data:image/png;base64," + base64.b64encode(png(rgb)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
