"""Augmentation against a plain loop, its probabilities, and that it can be resumed and recorded."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sbp.training.augmentation import SHIFT, augmented


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def every_outcome(image: Tensor, shift: int) -> dict[bytes, tuple[bool, int, int]]:
    """All crops of an image [C, H, W] and of its mirror image, cut out one by one."""
    channels, height, width = image.shape
    found = {}
    for flip in (False, True):
        framed = torch.zeros(channels, height + 2 * shift, width + 2 * shift)
        framed[:, shift : shift + height, shift : shift + width] = image.flip(2) if flip else image
        for row in range(2 * shift + 1):
            for column in range(2 * shift + 1):
                crop = framed[:, row : row + height, column : column + width]
                found[crop.contiguous().numpy().tobytes()] = (flip, row, column)
    return found


def test_each_image_is_one_of_its_own_crops_and_every_crop_comes_as_often() -> None:
    """2 x 3 x 3 outcomes, 9,000 draws: each 500 times, standard deviation 22. A false alarm (6 deviations, 18
    outcomes) is rarer than 1 in 10 million, and the seed is fixed."""
    image = torch.randn(2, 5, 7, generator=seeded(0))
    outcomes, seen = every_outcome(image, 1), dict.fromkeys(every_outcome(image, 1).values(), 0)
    assert len(seen) == 18
    got = augmented(image.expand(9000, -1, -1, -1), seeded(1), shift=1)
    assert (got.shape, got.dtype) == ((9000, 2, 5, 7), torch.float32)
    for one in got:
        seen[outcomes[one.contiguous().numpy().tobytes()]] += 1
    assert all(abs(count - 500) < 132 for count in seen.values()), seen


def test_a_square_of_each_image_is_hidden_and_every_pixel_as_often_as_it_must_be() -> None:
    """Of a 6 x 8 image with a side of 3: a centre c hides c - 1, c, c + 1, so a pixel at the border is hidden by 2 of
    the 6 (or 8) centres, another by 3. 20,000 draws: the largest of 48 deviations stays below 5 standard ones."""
    images, n = torch.ones(20_000, 2, 6, 8), 20_000
    hidden = augmented(images, seeded(0), shift=0, hide=3) == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    rows, columns = hidden[:, 0].any(2).sum(1), hidden[:, 0].any(1).sum(1)
    assert torch.equal(hidden[:, 0].sum((1, 2)), rows * columns), "a rectangle"
    assert {int(size) for size in torch.cat([rows, columns])} == {2, 3}
    by_row, by_column = torch.full((6,), 3 / 6), torch.full((8,), 3 / 8)
    by_row[[0, -1]], by_column[[0, -1]] = 2 / 6, 2 / 8
    share = by_row[:, None] * by_column
    off = (hidden[:, 0].float().mean(0) - share).abs() / (share * (1 - share) / n).sqrt()
    assert float(off.max()) < 5


def test_without_a_square_the_same_numbers_are_drawn() -> None:
    images = torch.randn(50, 3, 8, 8, generator=seeded(0))
    moved, hidden = augmented(images, seeded(1)), augmented(images, seeded(1), hide=4)
    assert torch.equal(torch.where(hidden == 0, 0, moved), hidden)


def test_images_of_a_batch_are_moved_each_in_its_own_way() -> None:
    images = torch.randn(40, 3, 32, 32, generator=seeded(0))
    got, drawn = augmented(images, seeded(2)), set()
    for image, one in zip(images, got, strict=True):
        drawn.add(every_outcome(image, SHIFT)[one.contiguous().numpy().tobytes()])
    assert len(drawn) > 20
    assert torch.equal(images, torch.randn(40, 3, 32, 32, generator=seeded(0))), "what was given is left alone"


def test_a_run_that_goes_on_sees_the_same_images_and_nothing_else_is_drawn() -> None:
    images, generator, shared = torch.randn(6, 3, 8, 8), seeded(3), torch.random.get_rng_state()
    augmented(images, generator)
    state = generator.get_state()
    expected = augmented(images, generator)
    again = torch.Generator()
    again.set_state(state)
    assert torch.equal(augmented(images, again), expected)
    assert torch.equal(torch.random.get_rng_state(), shared)
    assert torch.equal(generator.get_state(), again.get_state())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_same_in_any_memory_format_and_precision(dtype: torch.dtype) -> None:
    images = torch.randn(6, 3, 8, 8, generator=seeded(0)).to(dtype)
    plain = augmented(images, seeded(4))
    last = augmented(images.to(memory_format=torch.channels_last), seeded(4))
    assert plain.dtype == dtype
    assert torch.equal(plain, last)


def test_it_can_be_traced_with_no_value_taken_to_the_host() -> None:
    """On fake tensors, which have no values: an .item(), a boolean index or a shape that is drawn would raise."""
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        images = torch.empty(5, 3, 32, 32)
        assert augmented(images, torch.Generator()).shape == (5, 3, 32, 32)


def test_on_cuda_a_graph_holds_it() -> None:
    if not torch.cuda.is_available():
        pytest.skip("Needs a CUDA device.")
    images = torch.randn(64, 3, 32, 32, device="cuda")
    generator, plain = (torch.Generator("cuda").manual_seed(5) for _ in range(2))
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    augmented(images, torch.Generator("cuda"))
    with torch.cuda.graph(graph):
        out = augmented(images, generator)
    generator.manual_seed(5)
    for _ in range(3):
        graph.replay()
        assert torch.equal(out, augmented(images, plain))
