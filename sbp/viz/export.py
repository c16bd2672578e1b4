"""Figures as files: SVG and PNG of any chart here, without a browser."""

from __future__ import annotations

import json
from typing import Any

import altair as alt

WIDTH = 720


def svg(chart: Any, width: int = WIDTH) -> bytes:
    """The chart as an SVG file of this width in pixels; raises ImportError where vl-convert is not installed."""
    import vl_convert  # of the extra "app"

    return str(vl_convert.vegalite_to_svg(_spec(chart, width))).encode()


def png(chart: Any, width: int = WIDTH, scale: float = 2.0) -> bytes:
    """The chart as a PNG file, `scale` pixels a unit of width; raises ImportError where vl-convert is not installed."""
    import vl_convert  # of the extra "app"

    return bytes(vl_convert.vegalite_to_png(_spec(chart, width), scale=scale))


def titled(chart: Any, title: str, stands_on: list[str]) -> Any:
    """The chart with a title, and below it in small type what it stands on, a line each."""
    return chart.properties(title=alt.TitleParams(title, subtitle=stands_on, anchor="start"))


def _spec(chart: Any, width: int) -> dict[str, Any]:
    """The chart's specification at a fixed width: "container" means nothing outside a page."""
    spec = json.loads(chart.properties(width=width).to_json())
    spec.setdefault("background", "white")
    return dict(spec)
