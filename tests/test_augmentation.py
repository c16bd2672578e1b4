"""Augmentation against a plain loop, its odds, and that it can be gone on with and recorded."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sbp.augmentation import SHIFT, augmented


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
