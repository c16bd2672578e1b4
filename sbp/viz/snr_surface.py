"""The SNR as a surface over mu and log sigma, to be turned by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sbp.distributions import moments
from sbp.pruning.masks import is_kept
from sbp.spec.noise import LOC_MARGIN, LOG_SCALE_RANGE
from sbp.viz import labels, palette
from sbp.viz.snr_map import centres, snr_grid

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TICKS = (0.01, 0.1, 1, 10, 100, 1000, 10_000)  # their ends are those of the axis


def chart(loc: float, log_scale: float, low: float, high: float, dark: bool = False) -> Figure:
    """log10 SNR over the whole range that training allows, a line at SNR = 1, and one unit as a point.

    Args:
        loc, log_scale: mu and log sigma of the unit, in nats.
        low, high: a and b, in nats.
        dark: for the dark theme.

    >>> [trace.type for trace in chart(0.0, 0.0, -20.0, 0.0).data]
    ['surface', 'scatter3d']
    """
    # Importing plotly takes 0.2 s, which a page that is opened without this figure need not wait for.
    import plotly.graph_objects as go

    mu = (low - LOC_MARGIN, high + LOC_MARGIN)
    grid = snr_grid(mu, LOG_SCALE_RANGE, low, high)
    bottom, top = palette.LOG10_DOMAIN
    line = palette.theme(dark).pruned
    surface = go.Surface(
        x=centres(*mu, grid.shape[1]),
        y=centres(*LOG_SCALE_RANGE, grid.shape[0]),
        z=np.log10(np.clip(grid, TICKS[0], TICKS[-1])),
        cmin=bottom,
        cmax=top,
        colorscale=[[(at - bottom) / (top - bottom), colour] for at, colour in palette.stops(dark)],
        showscale=False,
        # Levels have a start, an end and a step: a step beyond the axis leaves the one at log10 SNR = 0.
        contours_z={"show": True, "start": 0, "end": 1, "size": 10, "color": line, "width": 4},
        hovertemplate="mu %{x:.2f}, log sigma %{y:.2f}: log10 SNR %{z:.2f}<extra></extra>",
    )
    snr = float(moments.snr(loc, log_scale, low, high))
    unit = go.Scatter3d(
        x=[loc],
        y=[log_scale],
        z=[np.log10(np.clip(snr, TICKS[0], TICKS[-1]))],
        mode="markers",
        marker={"size": 6, "color": palette.theme(dark).ink},
        hovertemplate=f"this unit: SNR {snr:.3g}<extra></extra>",
    )
    scene = {
        "xaxis": {"title": "mu, nats"},
        "yaxis": {"title": "log sigma"},
        "zaxis": {"title": "SNR (log)", "tickvals": np.log10(TICKS), "ticktext": [f"{t:g}" for t in TICKS]},
        "camera": {"eye": {"x": 1.5, "y": 1.5, "z": 0.7}},
        # The same through every redraw, so that the surface stays as it was turned.
        "uirevision": "surface",
    }
    layout = {"scene": scene, "height": 480, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "showlegend": False}
    return go.Figure([surface, unit], layout)


def describe(loc: float, log_scale: float, low: float, high: float) -> str:
    """The point in a sentence.

    >>> describe(0.0, 0.0, -20.0, 0.0)
    'At mu = 0 and log sigma = 0 the SNR is 2.09: kept. The line is SNR = 1; below it a unit is pruned.'
    """
    snr = float(moments.snr(loc, log_scale, low, high))
    at = f"mu = {labels.signed(loc, '.3g')} and log sigma = {labels.signed(log_scale, '.3g')}"
    verdict = "kept" if is_kept(snr) else "pruned"
    return f"At {at} the SNR is {snr:.3g}: {verdict}. The line is SNR = 1; below it a unit is pruned."
