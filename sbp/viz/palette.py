"""The colours of the app and the one colour scale of the SNR, for light and dark.

Kept, pruned, data term and KL are told apart under the three kinds of colour blindness (Okabe and Ito's set);
red against green never carries a meaning, and no meaning is carried by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sbp.pruning.masks import is_kept


class Theme(NamedTuple):
    """The colours of a theme: of units kept and pruned, the data term, the KL, references, words, ground and signs.

    Signs of weights are neither kept nor pruned, and each as light as the other.
    """

    kept: str
    pruned: str
    data: str
    kl: str
    reference: str
    ink: str
    ground: str
    negative: str
    positive: str


LIGHT = Theme("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6B7280", "#1B2733", "#FFFFFF", "#A8447F", "#00795A")
# On a dark ground the kept blue and the grey are lifted so that thin lines keep a contrast of at least 3 to 1. The data
# term is darker than the blue: without short cones the two are one hue.
DARK = Theme("#56B4E9", "#E8873A", "#009E73", "#E3A1C6", "#8B93A1", "#E8EEF4", "#10171F", "#E3A1C6", "#2CC295")

# Colours of layers, first to last: told apart by lightness too. Lines carry the layer's name besides.
LAYERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
# Compared runs and layers beyond the colours are told apart by dashes as well.
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))

# log10 of the SNR that the colour scale spans; what lies outside takes the end's colour.
LOG10_DOMAIN = (-0.5, 2.0)

# log10 SNR of the scale's colours. Two stand at 0: the scale is split hard at SNR = 1, where pruning begins.
STOPS = (-0.5, 0.0, 0.0, 0.6, 1.2, 2.0)
# Light: pruned units recede to a pale warm ground, kept ones darken as they grow more certain.
STOPS_LIGHT = ("#F7E3D4", "#E9C9B2", "#D6E6F2", "#6BA7D0", "#0072B2", "#003B63")
# Dark: the lightness is inverted, so that pruned units recede into the dark ground and kept ones light up.
STOPS_DARK = ("#2A211C", "#4D382B", "#17364F", "#1F6FA8", "#57B0E3", "#D3ECFB")


def theme(dark: bool = False) -> Theme:
    """The colours of the light or the dark theme.

    >>> theme().kept, theme(dark=True).kept
    ('#0072B2', '#56B4E9')
    """
    return DARK if dark else LIGHT


def stops(dark: bool = False) -> tuple[tuple[float, str], ...]:
    """The scale's (log10 SNR, colour) stops, in rising order, two at SNR = 1."""
    return tuple(zip(STOPS, STOPS_DARK if dark else STOPS_LIGHT, strict=True))


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
    colours = STOPS_DARK if dark else STOPS_LIGHT
    below, above = ramp(log10, STOPS[:2], colours[:2]), ramp(log10, STOPS[2:], colours[2:])
    return np.where(np.asarray(kept)[..., None], above, below)


def ramp(values: np.ndarray, at: Sequence[float], colours: Sequence[str]) -> np.ndarray:
    """Colour of each value on a scale whose `colours` stand `at` rising places: uint8 [..., 3].

    >>> ramp(np.array([0.5, 9.0]), (0, 1), ("#000000", "#0000FE")).tolist()
    [[0, 0, 127], [0, 0, 254]]
    """
    channels = zip(*(bytes.fromhex(colour[1:]) for colour in colours), strict=True)
    mixed = np.stack([np.interp(values, at, channel) for channel in channels], axis=-1)
    return np.rint(mixed).astype(np.uint8)


def signed_rgb(values: np.ndarray, limit: float, dark: bool = False) -> np.ndarray:
    """Colour of each signed value: the page's ground at 0, the full colour of its sign at `limit`: uint8 [..., 3]."""
    colours = theme(dark)
    share = np.asarray(values, dtype=np.float64) / max(limit, 1e-12)
    return ramp(share, (-1, 0, 1), (colours.negative, colours.ground, colours.positive))


def strength_rgb(values: np.ndarray, limit: float, dark: bool = False) -> np.ndarray:
    """Colour of each value of 0 or more: the page's ground at 0, its ink at `limit`: uint8 [..., 3]."""
    share = np.asarray(values, dtype=np.float64) / max(limit, 1e-12)
    return ramp(share, (0, 1), (theme(dark).ground, theme(dark).ink))


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
    mixed = ramp(np.linspace(0, 2, count), range(3), (LAYERS[1], LAYERS[3], LAYERS[0]))
    return ["#{:02X}{:02X}{:02X}".format(*colour) for colour in mixed]


def layer_dash(index: int) -> tuple[int, ...]:
    """Its dash, another one where the colours repeat: sixteen layers are told apart.

    >>> len({(layer_colour(index), layer_dash(index)) for index in range(16)})
    16
    """
    return DASHES[(index + index // len(LAYERS)) % len(DASHES)]
