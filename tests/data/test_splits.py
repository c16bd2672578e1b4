"""The digits, and what is trained on, held out and tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sbp.data import datasets, sources
from sbp.data.datasets import DataError, Dataset, load, prepare
from sbp.spec import DataConfig


def test_digits_never_change(digits: Dataset) -> None:
    assert digits.train_images.shape == (1437, 28, 28)
    assert digits.test_images.shape == (360, 28, 28)
    assert digits.train_images.dtype == torch.uint8
    assert digits.train_labels.dtype == torch.int64
    assert (int(digits.train_images.min()), int(digits.train_images.max())) == (0, 255)
    assert digits.train_labels[:10].tolist() == list(range(10))
    assert torch.bincount(digits.test_labels).tolist() == [35, 36, 35, 37, 37, 37, 37, 36, 33, 37]


def test_digits_keep_their_shape_when_they_are_upscaled(digits: Dataset) -> None:
    from sklearn.datasets import load_digits

    small = load_digits().images[:1437]
    # 7 x 7 large pixels cover 2 x 2 small ones.
    large = digits.train_images.double().numpy() * 16 / 255
    means = large.reshape(-1, 4, 7, 4, 7).mean(axis=(2, 4))
    coarse = small.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.corrcoef(means.ravel(), coarse.ravel())[0, 1] > 0.99
    assert np.abs(large.mean(axis=(1, 2)) - small.mean(axis=(1, 2))).max() < 0.25


@pytest.mark.parametrize("size", [8, 28, 29])
def test_bilinear_weights(size: int) -> None:
    weights = sources.bilinear(8, size)
    assert weights.shape == (size, 8)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    if size == 8:
        np.testing.assert_array_equal(weights, np.eye(8))
    # A straight line stays a straight line between the outermost centres.
    inside = slice(size // 8, size - size // 8)
    np.testing.assert_allclose(np.diff(weights @ np.arange(8.0))[inside], 8 / size, rtol=1e-9)


# The split


@pytest.fixture
def hundred() -> Dataset:
    """100 training images that each show their own number, and 20 test images."""
    images = torch.arange(100, dtype=torch.uint8).reshape(-1, 1, 1).expand(-1, 28, 28).contiguous()
    labels = torch.arange(100) % 10
    return Dataset("mnist", images, labels, images[:20] + 100, labels[:20], "Made by a test.")


def numbers(x: torch.Tensor) -> list[int]:
    return (x[:, 0, 0, 0] * 255).round().int().tolist()


def test_the_last_images_are_held_out_and_the_first_are_trained_on(hundred: Dataset) -> None:
    split = prepare(hundred, DataConfig(train_size=60, validation_size=15))
    assert numbers(split.train_x) == list(range(60))
    assert numbers(split.validation_x) == list(range(85, 100))
    assert numbers(split.test_x) == list(range(100, 120))
    assert torch.equal(split.train_y, hundred.train_labels[:60])
    assert torch.equal(split.validation_y, hundred.train_labels[85:])
    assert torch.equal(split.test_y, hundred.test_labels)
    assert (split.n_train, split.n_validation) == (60, 15)


def test_images_become_numbers_between_0_and_1(digits: Dataset) -> None:
    split = prepare(digits)
    for x, y in (
        (split.train_x, split.train_y),
        (split.validation_x, split.validation_y),
        (split.test_x, split.test_y),
    ):
        assert x.dtype == torch.float32
        assert x.shape == (len(y), 1, 28, 28)
        assert (float(x.min()), float(x.max())) == (0.0, 1.0)
        assert y.dtype == torch.int64
    assert torch.equal(split.test_x, digits.test_images.unsqueeze(1) / 255)


@pytest.mark.parametrize(("asked", "held_out"), [(0, 0), (1, 1), (50, 50), (51, 50), (5000, 50)])
def test_at_least_half_is_left_to_train_on(hundred: Dataset, asked: int, held_out: int) -> None:
    split = prepare(hundred, DataConfig(validation_size=asked))
    assert (split.n_train, split.n_validation) == (100 - held_out, held_out)
    assert split.validation_x.shape == (held_out, 1, 28, 28)


def test_digits_spare_a_fifth(digits: Dataset) -> None:
    assert prepare(digits).n_validation == 287
    assert prepare(digits, DataConfig(validation_size=100)).n_validation == 100


def test_more_than_there_is_cannot_be_trained_on(hundred: Dataset) -> None:
    assert prepare(hundred, DataConfig(train_size=80, validation_size=20)).n_train == 80
    with pytest.raises(DataError) as caught:
        prepare(hundred, DataConfig(train_size=81, validation_size=20))
    assert str(caught.value) == (
        "train_size: expected at most 80 of mnist's 100 training images (20 are held out for validation), "
        "got 81; lower train_size or validation_size."
    )


def test_random_labels_leave_the_test_set_its_own(digits: Dataset) -> None:
    split = prepare(digits, DataConfig(random_labels=True), seed=3)
    drawn = torch.from_numpy(np.random.default_rng(3).integers(0, 10, size=1437))
    assert torch.equal(torch.cat([split.train_y, split.validation_y]), drawn)
    assert torch.equal(split.test_y, digits.test_labels)
    assert torch.equal(split.train_x, prepare(digits).train_x)
    # A tenth agrees by chance: 143.7 with a standard deviation of 11.4, and the seed is fixed.
    assert 100 < int((drawn == digits.train_labels).sum()) < 190


def test_a_share_of_the_labels_is_random(digits: Dataset) -> None:
    split = prepare(digits, DataConfig(label_noise=0.4, validation_size=0), seed=3)
    whole = prepare(digits, DataConfig(random_labels=True, validation_size=0), seed=3)
    changed = split.train_y != digits.train_labels
    assert torch.equal(split.train_y[changed], whole.train_y[changed])
    # 0.4 of 1,437, of which a tenth agrees by chance: 517 with a standard deviation of 18, and the seed is fixed.
    assert 460 < int(changed.sum()) < 575
    assert torch.equal(split.test_y, digits.test_labels)


def test_a_random_label_belongs_to_its_image_whatever_the_sizes(digits: Dataset) -> None:
    whole = prepare(digits, DataConfig(random_labels=True, validation_size=0), seed=3)
    part = prepare(digits, DataConfig(random_labels=True, train_size=100, validation_size=200), seed=3)
    assert torch.equal(part.train_y, whole.train_y[:100])
    assert torch.equal(part.validation_y, whole.train_y[-200:])
    other = prepare(digits, DataConfig(random_labels=True, validation_size=0), seed=4)
    assert not torch.equal(other.train_y, whole.train_y)


def test_preparing_draws_from_no_shared_generator(hundred: Dataset) -> None:
    torch.manual_seed(0)
    state, numpy_state = torch.random.get_rng_state(), str(np.random.get_state())
    prepare(hundred, DataConfig(random_labels=True), seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert str(np.random.get_state()) == numpy_state


def test_what_is_held_out_without_torch_is_what_a_training_holds_out() -> None:
    whole = load("digits")
    for random in (0, 0.3, 1):
        split = prepare(whole, DataConfig(validation_size=100, label_noise=random), seed=3)
        images, labels = datasets.held_out("digits", 100, random, 3)
        np.testing.assert_array_equal(images, (split.validation_x[:, 0] * 255).round().byte().numpy())
        np.testing.assert_array_equal(labels, split.validation_y.numpy())
    images, labels = datasets.read_part("digits", "test")
    np.testing.assert_array_equal(images, whole.test_images.numpy())
    np.testing.assert_array_equal(labels, whole.test_labels.numpy())


def test_a_part_that_is_not_there_is_said_and_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="training on it once puts it there"):
        datasets.read_part("mnist", "test", tmp_path)
    assert list(tmp_path.iterdir()) == []
