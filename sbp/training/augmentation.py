"""Training images flipped and shifted at random, on the device that they are on, by the run's own generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Rows and columns by which an image may move: the usual for CIFAR-10 (He et al. 2016, arXiv:1512.03385, section 4.2).
SHIFT = 4


def augmented(images: Tensor, generator: torch.Generator, shift: int = SHIFT, hide: int = 0) -> Tensor:
    """Each image flipped left-right with probability 1/2, cut at random out of itself with a border of zeros, and a
    square of it hidden.

    y[i, c, r, s] = x'[i, c, r + u_i, s + v_i], where x' is x_i or its mirror image between `shift` rows and columns of
    zeros on each side, and u_i, v_i are uniform on 0..2 shift. With `hide` above 0, y is then 0 in a square of that
    side around any pixel, part of which may lie outside (DeVries and Taylor 2017, "Improved Regularization of
    Convolutional Neural Networks with Cutout", arXiv:1708.04552). Zero is the mean colour where images are normalised
    by channel.
    images: [n, C, H, W]; the result has its shape and dtype, and a memory of its own. generator: on the same device;
    it is asked for 3 n numbers, 5 n with `hide`, and nothing else is, so a run that goes on from the generator's state
    sees the same images. Shapes do not depend on what is drawn and nothing waits for the host: a CUDA graph can hold
    it.

    >>> images = torch.arange(18.0).reshape(1, 2, 3, 3)
    >>> augmented(images, torch.Generator().manual_seed(1), shift=0)[0, 0]
    tensor([[2., 1., 0.],
            [5., 4., 3.],
            [8., 7., 6.]])
    """
    n, channels, height, width = images.shape
    device = images.device
    flip, *moved = torch.rand(3, n, 1, generator=generator, device=device)
    # A number below 1 can round up to the factor itself.
    row, column = ((part * (2 * shift + 1)).long().clamp_(max=2 * shift) for part in moved)
    rows = torch.arange(height, device=device) + row
    columns = torch.arange(width, device=device).expand(n, width)
    # Flipped or not, the same border surrounds it, so flipping the places does what flipping the image does.
    columns = torch.where(flip < 0.5, columns, width - 1 - columns) + column
    padded = functional.pad(images, (shift,) * 4)
    examples = torch.arange(n, device=device).view(n, 1, 1, 1)
    layers = torch.arange(channels, device=device).view(1, channels, 1, 1)
    cut = padded[examples, layers, rows.view(n, 1, height, 1), columns.view(n, 1, 1, width)]
    if not hide:
        return cut
    # From hide // 2 before the centre on, hide rows and columns.
    centres = torch.rand(2, n, 1, generator=generator, device=device)
    shown = [
        (torch.arange(size, device=device) - (centre * size).floor() + hide // 2).div(hide).floor() != 0
        for centre, size in zip(centres, (height, width), strict=True)
    ]
    return cut * (shown[0].view(n, 1, height, 1) | shown[1].view(n, 1, 1, width))
