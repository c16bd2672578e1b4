"""The colours of the app and the one colour scale of the SNR, for light and dark.

Kept, pruned, data term and KL are told apart under the three kinds of colour blindness (Okabe and Ito's set);
red against green never carries a meaning, and no meaning is carried by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbp.pruning.masks import is_kept

KEPT = "#0072B2"
PRUNED = "#D55E00"
DATA = "#009E73"
KL = "#CC79A7"
REFERENCE = "#6B7280"

# On a dark ground the kept blue and the grey are lifted so that thin lines keep a contrast of at least 3 to 1.
KEPT_DARK = "#56B4E9"
PRUNED_DARK = "#E8873A"
DATA_DARK = "#2CC295"
KL_DARK = "#E3A1C6"
REFERENCE_DARK = "#9CA3AF"

# Colours of layers, first to last: told apart by lightness too. Lines carry the layer's name besides.
LAYERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
# Compared runs and layers beyond the colours are told apart by dashes as well.
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))

# log10 of the SNR that the colour scale spans; what lies outside takes the end's colour.
LOG10_DOMAIN = (-0.5, 2.0)

# (log10 SNR, colour). Two stops stand at 0: the scale is split hard at SNR = 1, where pruning begins.
# Light: pruned units recede to a pale warm ground, kept ones darken as they grow more certain.
STOPS_LIGHT = (
    (-0.5, "#F7E3D4"),
    (0.0, "#E9C9B2"),
    (0.0, "#D6E6F2"),
    (0.6, "#6BA7D0"),
    (1.2, "#0072B2"),
    (2.0, "#003B63"),
)
# Dark: the lightness is inverted, so that pruned units recede into the dark ground and kept ones light up.
STOPS_DARK = (
    (-0.5, "#2A211C"),
    (0.0, "#4D382B"),
    (0.0, "#17364F"),
    (0.6, "#1F6FA8"),
    (1.2, "#57B0E3"),
    (2.0, "#D3ECFB"),
)

# Signs of weights, light and dark: neither kept nor pruned, and each as light as the other.
NEGATIVE, POSITIVE = ("#A8447F", "#E3A1C6"), ("#00795A", "#2CC295")
GROUND, INK = ("#FFFFFF", "#10171F"), ("#1B2733", "#E8EEF4")


@dataclass(frozen=True)
class Theme:
    """The colours of a theme: of units kept and pruned, the data term, the KL, references, words and the ground."""

    kept: str
    pruned: str
    data: str
    kl: str
    reference: str
    ink: str
    ground: str


_THEMES = (
    Theme(KEPT, PRUNED, DATA, KL, REFERENCE, INK[0], GROUND[0]),
    Theme(KEPT_DARK, PRUNED_DARK, DATA_DARK, KL_DARK, REFERENCE_DARK, INK[1], GROUND[1]),
)


def theme(dark: bool = False) -> Theme:
    """The colours of the light or the dark theme.

    >>> theme().kept, theme(dark=True).kept
    ('#0072B2', '#56B4E9')
    """
    return _THEMES[dark]


def stops(dark: bool = False) -> tuple[tuple[float, str], ...]:
    """The scale's (log10 SNR, colour) stops, in rising order, two at SNR = 1."""
    return STOPS_DARK if dark else STOPS_LIGHT


def snr_rgb(snr: np.ndarray, dark: bool = False) -> np.ndarray:
    """Colour of each SNR: uint8 of shape [..., 3] for an array of shape [...]; SNR >= 1 counts as kept.

    >>> snr_rgb(np.array([0.999, 1.0])).tolist()
    [[233, 201, 178], [214, 230, 242]]
    """
    return log_snr_rgb(log10_snr(snr), is_kept(snr), dark)


def log10_snr(snr: np.ndarray) -> np.ndarray:
    """log10 of an SNR, with zero, infinity and NaN put at the ends of the colour scale (NaN at the lower)."""
    values = np.nan_to_num(np.asarray(snr, dtype=np.float64), nan=0.0, posinf=1e30)
    return np.clip(np.log10(np.maximum(values, 1e-30)), *LOG10_DOMAIN)


def log_snr_rgb(log10: np.ndarray, kept: np.ndarray, dark: bool = False) -> np.ndarray:
    """Colour of each log10 SNR; `kept` says on which side of the split a value lies, so that 1 is never blurred."""
    below, above = _side(stops(dark)[:2]), _side(stops(dark)[2:])
    rgb = [
        np.where(kept, np.interp(log10, above[0], above[1][:, c]), np.interp(log10, below[0], below[1][:, c]))
        for c in range(3)
    ]
    return np.rint(np.stack(rgb, axis=-1)).astype(np.uint8)


def _side(part: tuple[tuple[float, str], ...]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([x for x, _ in part]), np.array([_rgb(colour) for _, colour in part], dtype=np.float64)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def signed_rgb(values: np.ndarray, limit: float, dark: bool = False) -> np.ndarray:
    """Colour of each signed value: the page's ground at 0, the full colour of its sign at `limit`: uint8 [..., 3]."""
    share = np.clip(np.asarray(values, dtype=np.float64) / max(limit, 1e-12), -1, 1)[..., None]
    ground = np.array(_rgb(GROUND[dark]), dtype=np.float64)
    sign = np.where(share < 0, np.array(_rgb(NEGATIVE[dark])), np.array(_rgb(POSITIVE[dark])))
    return np.rint(ground + np.abs(share) * (sign - ground)).astype(np.uint8)


def strength_rgb(values: np.ndarray, limit: float, dark: bool = False) -> np.ndarray:
    """Colour of each value of 0 or more: the page's ground at 0, its ink at `limit`: uint8 [..., 3]."""
    share = np.clip(np.asarray(values, dtype=np.float64) / max(limit, 1e-12), 0, 1)[..., None]
    ground, ink = (np.array(_rgb(pair[dark]), dtype=np.float64) for pair in (GROUND, INK))
    return np.rint(ground + share * (ink - ground)).astype(np.uint8)


def layer_colour(index: int) -> str:
    """The colour of the index-th noise layer, counted from the input."""
    return LAYERS[index % len(LAYERS)]


def layer_colours(count: int) -> list[str]:
    """A colour for each layer; of more layers than one tells apart, a ramp from the first to the last of them.

    >>> layer_colours(3), layer_colours(9)[::4]
    (['#0072B2', '#E69F00', '#009E73'], ['#E69F00', '#CC79A7', '#0072B2'])
    """
    if count <= 2 * len(LAYERS):
        return [layer_colour(index) for index in range(count)]
    ends = np.array([_rgb(LAYERS[index]) for index in (1, 3, 0)], dtype=np.float64)
    at = np.linspace(0, len(ends) - 1, count)
    mixed = np.stack([np.interp(at, range(len(ends)), ends[:, channel]) for channel in range(3)], axis=-1)
    return ["#{:02X}{:02X}{:02X}".format(*colour) for colour in np.rint(mixed).astype(int)]


def layer_dash(index: int) -> tuple[int, ...]:
    """Its dash, another one where the colours repeat: sixteen layers are told apart.

    >>> len({(layer_colour(index), layer_dash(index)) for index in range(16)})
    16
    """
    return DASHES[(index + index // len(LAYERS)) % len(DASHES)]
