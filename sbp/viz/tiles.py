"""Small pictures with square cells, side by side, as HTML: filters, maps, digits. They wrap where a chart cannot.

A chart has one width for all its parts, so that 20 filters are specks on a phone; and its cells are not square when it
is as wide as its place. A tile is a pre-coloured picture, or single cells where each has a number to be read on hover.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sbp.viz import palette
from sbp.viz.pixels import data_uri

_STYLE = """<style>
.tiles { display: grid; gap: 0.6rem 0.75rem; justify-content: start; margin: 0.15rem 0 0.35rem; }
.tiles figure { margin: 0; min-width: 0; }
.tiles img, .tiles .cells { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; }
.tiles .cells { display: grid; }
.tiles figcaption { font-size: 0.75rem; line-height: 1.3; padding-top: 0.15rem; white-space: pre-line; }
.tiles .box { padding: 2px; border: 1.5px solid GREY; border-radius: 3px; }
.tiles .kept { border: 2px solid KEPT; } .tiles .pruned { border: 2px dashed PRUNED; }
.tiles .marked { outline: 2px solid INK; outline-offset: 2px; }
.tiles .cells b { outline: 2px solid PRUNED; outline-offset: 0; z-index: 1; }
</style>"""


@dataclass(frozen=True)
class Tile:
    """One picture: rgb uint8 [h, w, 3 or 4], the words under it, the words for those who do not see it.

    kept: outlined solid (True), dashed (False), or plainly (None). marked: outlined once more. names: what each cell
    says on hover, [h, w]. spot: the cell that is outlined, (row, column).
    """

    rgb: np.ndarray
    caption: str
    alt: str
    kept: bool | None = None
    marked: bool = False
    names: Sequence[Sequence[str]] | None = None
    spot: tuple[int, int] | None = None


def page(tiles: Sequence[Tile], size: int, dark: bool = False, label: str = "") -> str:
    """The tiles in rows, each `size` pixels wide, as HTML to be put on a page as it is; label: what they are, together.

    >>> "2 filters" in page([Tile(np.zeros((2, 2, 3), np.uint8), "0", "a filter")] * 2, 60, label="2 filters")
    True
    """
    theme, style = palette.theme(dark), _STYLE
    words = {"GREY": theme.reference, "KEPT": theme.kept, "PRUNED": theme.pruned, "INK": theme.ink}
    for word, colour in words.items():
        style = style.replace(word, colour)
    columns = f"grid-template-columns: repeat(auto-fill, {size}px)"
    name = f' role="group" aria-label="{html.escape(label)}"' if label else ""
    return f'{style}<div class="tiles" style="{columns}"{name}>{"".join(_tile(tile) for tile in tiles)}</div>'


def signed(values: np.ndarray, limit: float, keep: np.ndarray | None = None, dark: bool = False) -> np.ndarray:
    """Signed values as colours, uint8 [h, w, 4]; what is not kept is a flat grey, which is no value."""
    rgba = np.full((*values.shape, 4), 255, dtype=np.uint8)
    rgba[..., :3] = palette.signed_rgb(values, limit, dark)
    if keep is not None:
        rgba[~keep] = (128, 138, 150, 70)
    return rgba


def strong(values: np.ndarray, limit: float | None = None, dark: bool = False) -> np.ndarray:
    """Values of 0 or more as colours, uint8 [h, w, 3]; limit: what has the full ink, by default the largest."""
    return palette.strength_rgb(values, float(values.max(initial=0)) if limit is None else limit, dark)


def named(values: np.ndarray, keep: np.ndarray | None = None) -> list[list[str]]:
    """What each cell says on hover: its place and its value."""
    kept = np.ones(values.shape, bool) if keep is None else keep
    said = [f"{value:.3g}" if keeps else "pruned" for value, keeps in zip(values.flat, kept.flat, strict=True)]
    rows = np.reshape(said, values.shape)
    return [[f"row {i}, column {j}: {word}" for j, word in enumerate(row)] for i, row in enumerate(rows)]


def _tile(tile: Tile) -> str:
    fate = "" if tile.kept is None else " kept" if tile.kept else " pruned"
    classes = f"box{fate}{' marked' if tile.marked else ''}"
    words = html.escape(tile.alt)
    if tile.names is None and tile.spot is None:
        inner = f'<img src="{data_uri(tile.rgb)}" alt="{words}" title="{words}">'
    else:
        inner = _cells(tile, words)
    return f'<figure><div class="{classes}">{inner}</div><figcaption>{html.escape(tile.caption)}</figcaption></figure>'


def _cells(tile: Tile, words: str) -> str:
    height, width = tile.rgb.shape[:2]
    cells = []
    for i in range(height):
        for j in range(width):
            colour = "".join(f"{part:02x}" for part in tile.rgb[i, j])
            title = f' title="{html.escape(tile.names[i][j])}"' if tile.names is not None else ""
            tag = "b" if tile.spot == (i, j) else "i"
            cells.append(f'<{tag} style="background:#{colour}"{title}></{tag}>')
    grid = f"grid-template: repeat({height}, 1fr) / repeat({width}, 1fr)"
    return f'<div class="cells" role="img" aria-label="{words}" style="{grid}">{"".join(cells)}</div>'
