"""Whether a compact network computes what the masked one does: looked at before any file of it is written."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sbp.compaction.run import CompactedRun
from sbp.data.datasets import DataError, as_inputs, load
from sbp.export.formats import Disagreement
from sbp.runs.view import RunView

# Random images that masked and compact are compared on: enough to see a mixed-up unit.
RANDOM_IMAGES = 256
# Logits of the masked and the compact network that lie further apart are no rounding: something is mixed up.
MOST_APART = 1e-2


def check_agreement(view: RunView, cut: CompactedRun, most_images: int | None = None) -> dict[str, dict[str, Any]]:
    """How far masked and compact agree on random images, and on test images where the data are here.

    Args:
        view: the run.
        cut: its networks.
        most_images: test images to look at, from the first; None for all.

    Returns:
        `CompactedRun.agreement` by the name of the images: "random", and that of the data set.

    Raises:
        Disagreement: their logits differ by more than rounding.
    """
    dataset, generator = view.config.data.dataset, torch.Generator().manual_seed(0)
    checked = {"random": cut.agreement(torch.rand(RANDOM_IMAGES, *view.description.image, generator=generator))}
    images = _test_images(dataset, most_images)
    if images is not None:
        checked[dataset] = cut.agreement(images)
    for name, seen in checked.items():
        if not seen["largest_difference"] <= MOST_APART:
            raise Disagreement(
                f"{view.id}: expected logits of the masked and the compact network at most {MOST_APART:g} apart, got "
                f"{seen['largest_difference']:.1e} on images of {name}; no file is written. Export another run, and "
                "report this one."
            )
    return checked


def _test_images(dataset: str, most: int | None) -> Tensor | None:
    """The test images, without their labels, if the data are here; nothing is downloaded for this check."""
    try:
        return as_inputs(dataset, load(dataset, download=False).test_images[:most])
    except DataError:
        return None
