"""Key figures look as they did: small pictures of one made-up run, compared block by block."""

from __future__ import annotations

import pytest

from sbp.viz import heatmap, palette
from sbp.viz.tables import RunTables
from tests.viz import pictures

MOST = 0.02  # share of blocks that may differ: fonts and the rounding of lines


@pytest.mark.parametrize("name", pictures.FIGURES)
def test_a_figure_looks_as_it_did(name: str, found: RunTables) -> None:
    apart = pictures.difference(pictures.drawn(name, found), pictures.kept_picture(name))
    assert apart <= MOST, f"{apart:.1%} differs; if that is meant: python -m tests.viz.pictures"


def test_another_order_or_colour_is_another_picture(found: RunTables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pictures.FIGURES, "heatmap", lambda found: heatmap.chart(found, "dense1", 12, "unit"))
    assert pictures.difference(pictures.drawn("heatmap", found), pictures.kept_picture("heatmap")) > 3 * MOST
    monkeypatch.setattr(palette, "LAYERS", palette.LAYERS[::-1])
    assert pictures.difference(pictures.drawn("kept", found), pictures.kept_picture("kept")) > MOST
