"""Noise beside gradients: maps of the pixels, units as points, and the sentence that says whether the two agree.

Drawn from what `RunView.attribution()` gives; nothing is computed here but colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.spec.layout import Group
from sbp.viz import charts, export, labels, palette
from sbp.viz.pixels import data_uri, enlarge

METHODS = {"integrated_gradients": "Integrated Gradients", "saliency": "Saliency", "occlusion": "Occlusion, 3 × 3"}
UNITS_HEIGHT = 260
FACTOR = 8  # screen pixels a cell: room for the hatching
# Paper to ink of a map of magnitudes, 0 to 1; lightness is monotone, in the dark theme inverted as for the SNR.
_LIGHT = ("#FFFFFF", "#D6E6F2", "#6BA7D0", "#0072B2", "#003B63")
_DARK = ("#10171F", "#17364F", "#1F6FA8", "#57B0E3", "#D3ECFB")
# From which rank correlation on the two count as agreeing; a convention, and said with the number itself.
CLOSELY, PARTLY = 0.7, 0.4


def maps(found: Mapping[str, Any], dark: bool = False) -> list[tuple[str, str, np.ndarray]]:
    """Title, caption and picture (uint8 [224, 224, 3]) of each map: SNR where the pixels have noise, then the methods.

    Magnitudes are drawn from 0 to their 99th percentile. A pixel never lit in training is hatched.
    """
    pixels = found["pixels"]
    lit = np.array(pixels["lit"], bool).reshape(28, 28)
    shown = []
    if pixels["snr"] is not None:
        kept = int(sum(pixels["kept"]))
        rgb = palette.snr_rgb(np.array(pixels["snr"]).reshape(28, 28), dark)
        shown.append(("SNR of the noise", f"{kept} of 784 kept", _picture(rgb, lit, dark)))
    for name, title in METHODS.items():
        values = np.array(pixels["maps"][name]).reshape(28, 28)
        share = np.clip(values / max(float(np.quantile(values, 0.99)), 1e-300), 0, 1)
        rgb = palette.ramp(share, (0, 0.25, 0.5, 0.75, 1), _DARK if dark else _LIGHT)
        shown.append((title, ranks_caption(pixels["correlation"].get(name, {})), _picture(rgb, lit, dark)))
    return shown


def ranks_caption(ranks: Mapping[str, float | None]) -> str:
    """The rank correlations under a map.

    >>> ranks_caption({"lit": 0.934, "kept": None})
    'rank correlation with SNR 0.93 (ever lit), none (kept)'
    """
    if not ranks:
        return ""
    names = {"lit": "ever lit", "kept": "kept", "all": "all"}
    return "rank correlation with SNR " + ", ".join(f"{_number(value)} ({names[key]})" for key, value in ranks.items())


def pixels_sentence(found: Mapping[str, Any]) -> str:
    """Whether the noise and the gradients agree on which pixels matter, with every number."""
    pixels = found["pixels"]
    if not pixels["correlation"]:
        return "This network has no noise on its pixels, so there is no SNR to rank these maps against."
    ever, kept = int(sum(pixels["lit"])), int(sum(pixels["kept"]))
    lit = {name: pixels["correlation"][name]["lit"] for name in METHODS}
    within = {name: pixels["correlation"][name]["kept"] for name in METHODS}
    return (
        f"Over the {ever} pixels that are ever lit, noise and gradients **{verdict(list(lit.values()))}** on what "
        f"matters: Spearman’s rank correlation with the SNR is {_listed(lit)}. "
        f"Among the {kept} kept pixels alone they {verdict(list(within.values()))}: {_listed(within)}."
    )


def units_sentence(found: Mapping[str, Any], layers: Mapping[str, Group]) -> str:
    """The same for channels and neurons, layer by layer."""
    said = [
        f"{labels.layer_title(layers[name])} {_number(unit['correlation']['all'])} over all "
        f"{len(unit['snr']):,} {labels.units_of(layers[name])} and {_number(unit['correlation']['kept'])} over the "
        f"{sum(unit['kept']):,} kept"
        for name, unit in found["units"].items()
    ]
    overall = verdict([unit["correlation"]["all"] for unit in found["units"].values()])
    return f"SNR and conductance **{overall}** (rank correlation): {'; '.join(said)}."


def verdict(values: list[float | None]) -> str:
    """Agreement in words, by the weakest of several rank correlations.

    >>> [verdict([0.9, v]) for v in (0.7, 0.5, 0.1, -0.2, None)]
    ['agree closely', 'agree in part', 'hardly agree', 'disagree', 'cannot be compared']
    """
    if any(value is None for value in values) or not values:
        return "cannot be compared"
    weakest = min(value for value in values if value is not None)
    if weakest >= CLOSELY:
        return "agree closely"
    return "agree in part" if weakest >= PARTLY else "hardly agree" if weakest >= 0 else "disagree"


def origin(found: Mapping[str, Any]) -> str:
    """What the numbers stand on, in a line."""
    data = labels.DATASET.get(found["data"], found["data"])
    version = found.get("versions", {}).get("captum", "")
    return (
        "Mean absolute attribution to the logit of each image’s own class, before anything is cut; "
        f"n = {found['n']:,} test images of {data}, the first {found['per_class']} of each class; "
        f"Captum {version}, {found['seconds']:.0f} s on {found.get('hardware', 'unknown hardware')}."
    )


def maps_chart(found: Mapping[str, Any]) -> Any:
    """The maps side by side as one chart for a file, the correlation under each."""
    shown = maps(found)
    data = pd.DataFrame(
        {
            "x": [1.06 * k for k in range(len(shown))],
            "x2": [1.06 * k + 1 for k in range(len(shown))],
            "top": 1.0,
            "bottom": 0.0,
            "url": [data_uri(rgb) for _, _, rgb in shown],
            "title": [title for title, _, _ in shown],
            "caption": [caption.replace(" with SNR ", " with SNR|").split("|") for _, caption, _ in shown],
        }
    )
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1.06 * len(shown) - 0.06], nice=False))
    y = alt.Y("top:Q", axis=None, scale=alt.Scale(domain=[-0.2, 1.1], nice=False))
    base = alt.Chart(data)
    image = base.mark_image(aspect=False, smooth=False).encode(x=x, x2="x2:Q", y=y, y2="bottom:Q", url="url:N")
    title = base.mark_text(align="left", baseline="bottom", dy=-4, fontWeight="bold").encode(x=x, y=y, text="title:N")
    below = base.mark_text(align="left", baseline="top", dy=5, fontSize=10).encode(x=x, y="bottom:Q", text="caption:N")
    height = round(export.WIDTH / (1.06 * len(shown) - 0.06) * 1.3)
    return charts.finish(alt.layer(image, title, below), pixels_sentence(found).replace("**", ""), height)


def units_chart(found: Mapping[str, Any], layer: Group, dark: bool = False) -> Any:
    """Conductance against SNR, a point a unit, both logarithmic; the rule is SNR = 1.

    What is below a 10,000th of the largest conductance is drawn at the bottom.
    """
    unit = found["units"][layer.name]
    conductance = np.array(unit["conductance"])
    most = max(float(conductance.max()), 1e-12)
    ends = 1e-4 * most, 1.5 * most
    data = pd.DataFrame(
        {
            "unit": np.arange(layer.units),
            "snr": np.clip(unit["snr"], *charts.SNR_DOMAIN),
            "conductance": np.maximum(conductance, ends[0]),
            "fate": np.where(np.array(unit["kept"]) > 0, "kept", "pruned"),
        }
    )
    shapes = alt.Scale(domain=["kept", "pruned"], range=["circle", "cross"])
    points = alt.Chart(data).mark_point(filled=True, size=28, opacity=0.6)
    points = points.encode(
        x=charts.axis(alt.X, "snr", "SNR", charts.SNR_DOMAIN, log=True, **charts.SNR_MARKS),
        y=charts.axis(
            alt.Y, "conductance", "mean |conductance|", ends, log=True, format="~g", gridOpacity=0.4, tickCount=4
        ),
        color=charts.fate("fate", dark, alt.Legend(orient="top", offset=2)),
        shape=alt.Shape("fate:N", title=None, scale=shapes),
        tooltip=charts.tips(("unit:Q", layer.kind), ("snr:Q", "SNR", ".3~g"), ("conductance:Q", "", ".3~g"), "fate:N"),
    )
    orange = palette.theme(dark).pruned
    one = alt.Chart(alt.Data(values=[{"one": 1}])).mark_rule(color=orange, size=1.25).encode(x="one:Q")
    ranks = ranks_caption(unit["correlation"])
    return charts.finish(alt.layer(one, points), f"{labels.layer_title(layer)}: {ranks}.", UNITS_HEIGHT)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _listed(values: Mapping[str, float | None]) -> str:
    return labels.join([f"{_number(values[name])} with {title.split(',')[0]}" for name, title in METHODS.items()])


def _picture(rgb: np.ndarray, lit: np.ndarray, dark: bool) -> np.ndarray:
    big = enlarge(rgb, FACTOR)
    never = enlarge(~lit[..., None], FACTOR)[..., 0]
    rows, columns = np.indices(never.shape)
    big[never] = (23, 31, 39) if dark else (244, 245, 246)
    big[never & ((rows + columns) % FACTOR < 1)] = (133, 141, 149) if dark else (141, 147, 153)
    return big
