"""The colour scale: split at 1, monotone on either side, told apart by the colour-blind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sbp.viz import palette

SNR = np.geomspace(0.3, 100, 200)

# Linear RGB -> what a person without long, medium or short cones sees (Viénot, Brettel, Mollon 1999, the first two;
# a projection along the blue axis for the third).
BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
    "deutan": np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
    "tritan": np.array([[1.01354, 0.14268, -0.15622], [-0.01181, 0.87561, 0.13619], [0.07707, 0.81208, 0.11085]]),
}


def linear(rgb: np.ndarray) -> np.ndarray:
    share = np.asarray(rgb) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray, blindness: str = "none") -> np.ndarray:
    """CIE L*a*b* (D65) as seen with one kind of colour blindness."""
    seen = np.clip(linear(rgb) @ BLINDNESS[blindness].T, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = seen @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


@pytest.mark.parametrize("dark", [False, True])
def test_lightness_is_monotone_on_either_side(dark: bool) -> None:
    lightness = lab(palette.snr_rgb(SNR, dark))[:, 0]
    kept = SNR >= 1
    direction = 1 if dark else -1
    assert (direction * np.diff(lightness[kept]) >= -0.3).all()
    assert direction * (lightness[kept][-1] - lightness[kept][0]) > 40
    assert (-direction * np.diff(lightness[~kept]) <= 0.3).all() or (
        direction * np.diff(lightness[~kept]) >= -0.3
    ).all()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("blindness", list(BLINDNESS))
def test_the_two_sides_of_1_are_told_apart(dark: bool, blindness: str) -> None:
    below, above = palette.snr_rgb(np.array([0.999, 1.0]), dark)
    assert np.linalg.norm(lab(below, blindness) - lab(above, blindness)) > 10


@pytest.mark.parametrize("blindness", list(BLINDNESS))
def test_kept_and_pruned_and_the_terms_are_told_apart(blindness: str) -> None:
    # The terms of the bound are told apart by their dashes as well.
    for theme in (palette.LIGHT, palette.DARK):
        for pair, least in (((theme.kept, theme.pruned), 25), ((theme.data, theme.kl), 15)):
            first, second = (lab(palette.ramp(np.array(0), (0,), (colour,)), blindness) for colour in pair)
            assert np.linalg.norm(first - second) > least


@pytest.mark.parametrize("blindness", list(BLINDNESS))
def test_colours_of_one_figure_stay_apart(blindness: str) -> None:
    together = [palette.LAYERS, *(tuple(theme)[:5] for theme in (palette.LIGHT, palette.DARK))]
    together += [(theme.negative, theme.positive) for theme in (palette.LIGHT, palette.DARK)]
    for colours in together:
        seen = {colour: lab(palette.ramp(np.array(0), (0,), (colour,)), blindness) for colour in colours}
        for one, other in itertools.combinations(colours, 2):
            apart = float(np.linalg.norm(seen[one] - seen[other]))
            assert apart > 10, (one, other, apart)  # of CIE L*a*b*; 2.3 is what one just notices


def test_the_domain_is_fixed_and_clamped() -> None:
    assert palette.LOG10_DOMAIN == (-0.5, 2.0)
    ends = palette.snr_rgb(np.array([1e-9, 10**-0.5, 100, 1e9, np.inf, np.nan]))
    assert (ends[0] == ends[1]).all()
    assert (ends[2] == ends[3]).all()
    assert (ends[3] == ends[4]).all()
    assert (ends[5] == ends[0]).all()


def test_a_pruned_unit_recedes_into_the_ground() -> None:
    light, dark = np.array([255, 255, 255]), np.array([0x10, 0x17, 0x1F])
    for ground, is_dark in ((light, False), (dark, True)):
        uncertain, certain = palette.snr_rgb(np.array([0.33, 100.0]), is_dark)
        far = [abs(lab(colour)[0] - lab(ground)[0]) for colour in (uncertain, certain)]
        assert far[0] < 15 < 60 < far[1]
