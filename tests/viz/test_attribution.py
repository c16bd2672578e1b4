"""Noise beside gradients: colours, hatching, sentences and charts from what was computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sbp.spec.networks import SPECS
from sbp.viz import attribution, export, palette

LAYERS = {layer.name: layer for layer in SPECS["lenet-500-300"].layers((9, 7))}


def found(**changes: Any) -> dict[str, Any]:
    """Pixel k has SNR 0.5 + k / 100, the first 10 pixels are never lit."""
    ranks = {"integrated_gradients": 0.93, "saliency": 0.71, "occlusion": 0.88}
    unit = lambda n: {  # noqa: E731
        "conductance": [0.0, *range(1, n)],
        "snr": [0.4 + k for k in range(n)],
        "kept": [int(k > 0) for k in range(n)],
        "correlation": {"all": 0.5, "kept": None},
    }
    return {
        "n": 200,
        "per_class": 20,
        "data": "mnist",
        "seconds": 8.04,
        "hardware": "2 cores",
        "versions": {"captum": "0.9.0"},
        "pixels": {
            "maps": {name: [k / 784 for k in range(784)] for name in ranks},
            "lit": [int(k > 9) for k in range(784)],
            "snr": [0.5 + k / 100 for k in range(784)],
            "kept": [int(k >= 50) for k in range(784)],
            "correlation": {name: {"lit": value, "kept": -0.1} for name, value in ranks.items()},
        },
        "units": {"dense1": unit(9), "dense2": unit(7)},
        **changes,
    }


@pytest.mark.parametrize("dark", [False, True])
def test_the_maps_are_square_and_tell_never_lit_from_pruned(dark: bool) -> None:
    shown = attribution.maps(found(), dark)
    titles = ["SNR of the noise", "Integrated Gradients", "Saliency", "Occlusion, 3 × 3"]
    assert [title for title, _, _ in shown] == titles
    for _, _, rgb in shown:
        assert (rgb.shape, rgb.dtype) == ((224, 224, 3), np.uint8)
        cell = rgb[:8, :8].reshape(-1, 3)  # pixel 0 is never lit: two colours, a hatching
        assert len(np.unique(cell, axis=0)) == 2
        assert len(np.unique(rgb[:8, 80:88].reshape(-1, 3), axis=0)) == 1  # pixel 10 is lit
    snr = shown[0][2]
    assert snr[4, 164].tolist() == palette.snr_rgb(np.array([0.7]), dark)[0].tolist()  # pixel 20
    assert shown[0][1] == "734 of 784 kept"
    assert shown[1][1] == "rank correlation with SNR 0.93 (ever lit), -0.10 (kept)"


def test_the_sentences_state_every_number() -> None:
    said = attribution.pixels_sentence(found())
    assert said == (
        "Over the 774 pixels that are ever lit, noise and gradients **agree closely** on what matters: Spearman’s rank "
        "correlation with the SNR is 0.93 with Integrated Gradients, 0.71 with Saliency and 0.88 with Occlusion. Among "
        "the 734 kept pixels alone they disagree: -0.10 with Integrated Gradients, -0.10 with Saliency and -0.10 with "
        "Occlusion."
    )
    assert attribution.units_sentence(found(), LAYERS) == (
        "SNR and conductance **agree in part** (rank correlation): Dense 1 0.50 over all 9 neurons and none over the 8 "
        "kept; Dense 2 0.50 over all 7 neurons and none over the 6 kept."
    )
    origin = attribution.origin(found())
    assert "n = 200 test images of MNIST, the first 20 of each class; Captum 0.9.0, 8 s on 2 cores." in origin


def test_a_network_without_noise_on_pixels_has_maps_and_no_correlation() -> None:
    pixels = {**found()["pixels"], "snr": None, "kept": None, "correlation": {}}
    bare = found(pixels=pixels)
    assert [caption for _, caption, _ in attribution.maps(bare)] == ["", "", ""]
    assert "no noise on its pixels" in attribution.pixels_sentence(bare)
    assert export.svg(attribution.maps_chart(bare)).startswith(b"<svg")


@pytest.mark.parametrize("dark", [False, True])
def test_the_charts_are_drawn(dark: bool) -> None:
    image = export.svg(attribution.maps_chart(found())).decode()
    assert image.count("<image ") == 4
    assert "rank correlation with SNR" in image
    assert "0.93 (ever lit)" in image
    spec = attribution.units_chart(found(), LAYERS["dense1"], dark).to_dict()
    assert spec["description"] == "Dense 1: rank correlation with SNR 0.50 (all), none (kept)."
    points = next(iter(spec["datasets"].values()))
    # What has no conductance at all is drawn at the bottom, a 10,000th of the largest.
    assert (points[0]["conductance"], points[0]["fate"]) == (pytest.approx(8e-4), "pruned")
    assert points[8]["snr"] == pytest.approx(8.4)
