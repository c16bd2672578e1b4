"""What pages look at: class means, test images, ever-lit pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sbp.data.pictures import framed, pictures
from sbp.data.sources import DataError, digits


def test_digits_by_the_plain_definition() -> None:
    found, arrays = pictures("digits"), digits()
    images, labels = arrays["train_images"], arrays["train_labels"]
    for label in range(10):
        mean = np.mean([image.astype(float) for image, own in zip(images, labels, strict=True) if own == label], axis=0)
        np.testing.assert_allclose(found.means[label], mean, atol=0.5)
    assert found.lit.sum() == sum(any(image[r, c] for image in images) for r in range(28) for c in range(28))
    assert (found.n_train, len(found.test_labels), found.classes[7]) == (1437, 360, "7")


def test_framed_as_mnist_frames_its_own() -> None:
    found = pictures("digits")
    small = framed(found)
    edge = np.ones((28, 28), bool)
    edge[4:24, 4:24] = False
    for images in (small.test_images, small.means, small.lit[None]):
        assert not images[:, edge].any()
    assert small.lit[4:24, 4:24].mean() > 0.9
    assert (small.test_labels == found.test_labels).all()
    # What is even stays so, as bright as it was.
    even = framed(replace(found, means=np.full((10, 28, 28), 200, np.uint8))).means
    assert (even[:, 4:24, 4:24] == 200).all()


def test_mnist_has_67_pixels_that_are_never_lit(mnist_root: Path) -> None:
    """784 - 717: counted over the 60,000 published training images."""
    found = pictures("mnist", mnist_root)
    assert (int((~found.lit).sum()), found.n_train, len(found.test_labels)) == (67, 60000, 10000)
    assert found.test_labels[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize(("name", "said"), [("mnist", "train-images"), ("letters", "Expected one of the data sets")])
def test_what_is_not_there_is_said(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        pictures(name, tmp_path)
