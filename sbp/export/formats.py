"""What a compact network can be exported as, and the lines that a stranger pastes to use the file. No torch.

The lines import nothing of ours, but for a safetensors file of a network that is no chain of layers: they are printed
from the network's own description, so what stands in a model card is what the network computes, and a test runs exactly
these lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sbp.spec.images import IMAGES
from sbp.spec.networks import SPECS


class ExportError(ValueError):
    """A run cannot be exported as asked; the message says what to do."""


class Disagreement(ExportError):
    """The compact network computes something else than the masked one; the message says how far they are apart."""


@dataclass(frozen=True)
class Format:
    """One kind of file: its name, what it is, how its files end, what its readers install, what they paste, and what
    they should know before that (`note`).

    lines(network's name, layers that select their inputs, file's name) gives the lines; they leave `images`
    [n, C, H, W], as the network is given them, and `logits` [n, 10].
    """

    name: str
    title: str
    suffix: str
    packages: tuple[str, ...]
    lines: Callable[[str, Collection[str], str], list[str]]
    note: str = ""


def _images(name: str, drawn: str, by_channel: str) -> list[str]:
    """Lines that make five images as a network reads them; drawn takes their shape, by_channel a channel's numbers."""
    image = SPECS[name].image
    about = next(images for images in IMAGES.values() if images.shape == image)
    remark = "0 is the background" if image[0] == 1 else "red, green, blue"
    shape = ", ".join(str(side) for side in (5, *image))
    lines = [f"images = {drawn.format(shape)}  # yours: intensities in [0, 1], {remark}"]
    if about.mean:
        mean, deviation = (by_channel.format(list(values)) for values in (about.mean, about.deviation))
        lines.append(f"images = (images - {mean}) / {deviation}")
    return lines


def _torch_images(name: str) -> list[str]:
    return _images(name, "torch.rand({})", "torch.tensor({}).view(-1, 1, 1)")


def _numpy_images(name: str) -> list[str]:
    return _images(name, "np.random.rand({}).astype(np.float32)", "np.float32({}).reshape(-1, 1, 1)")


def torch_lines(name: str, selects: Collection[str], file: str) -> list[str]:
    """Plain torch on the tensors of a safetensors file; where layers are no chain, the network's own class reads it.

    >>> for line in torch_lines("lenet-500-300", {"dense1"}, "small.safetensors")[5:]:
    ...     print(line)
    x = images.flatten(1).index_select(1, t["dense1.index"])
    x = F.relu(F.linear(x, t["dense1.weight"], t["dense1.bias"]))
    x = F.relu(F.linear(x, t["dense2.weight"], t["dense2.bias"]))
    logits = F.linear(x, t["output.weight"], t["output.bias"])
    """
    imports = ["import torch", "from safetensors.torch import load_file"]
    given = [f"t = load_file({json.dumps(file)})", *_torch_images(name)]
    if not SPECS[name].is_chain:
        lines = ["from sbp import load_compact", f"network = load_compact({json.dumps(file)})", *_torch_images(name)]
        return ["import torch", *lines, "logits = network(images)"]
    lines, x, flat = [], "images", False
    for weights in SPECS[name].weights:
        before = ""
        if weights.kind == "dense":
            before = "" if flat else ".flatten(1)"
            before += f'.index_select(1, t["{weights.name}.index"])' if weights.name in selects else ""
            flat = True
        if before:
            lines.append(f"x = {x}{before}")
            x = "x"
        function = "linear" if weights.kind == "dense" else "conv2d"
        padding = f", padding={weights.padding}" if weights.padding else ""
        value = f'F.{function}({x}, t["{weights.name}.weight"], t["{weights.name}.bias"]{padding})'
        if weights.makes:
            value = f"F.relu({value})"
        if weights.pool > 1:
            value = f"F.max_pool2d({value}, {weights.pool})"
        x = "x" if weights.makes else "logits"
        lines.append(f"{x} = {value}")
    return [*imports, "from torch.nn import functional as F", *given, *lines]


def onnx_lines(name: str, selects: Collection[str], file: str) -> list[str]:
    """onnxruntime on an ONNX file, whatever the network."""
    return [
        "import numpy as np",
        "import onnxruntime",
        f"session = onnxruntime.InferenceSession({json.dumps(file)})",
        *_numpy_images(name),
        '(logits,) = session.run(["logits"], {"images": images})',
    ]


def torch_export_lines(name: str, selects: Collection[str], file: str) -> list[str]:
    """torch on an exported program, whatever the network."""
    return [
        "import torch",
        f"network = torch.export.load({json.dumps(file)}).module()",
        *_torch_images(name),
        "logits = network(images)",
    ]


FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        Format("safetensors", "a safetensors file", ".safetensors", ("safetensors", "torch"), torch_lines),
        Format("onnx", "an ONNX model", ".onnx", ("numpy", "onnxruntime"), onnx_lines),
        Format(
            "torch-export",
            "a program of torch.export",
            ".pt2",
            ("torch",),
            torch_export_lines,
            "torch.export.load can run code that a file brings, so load such files only from people you trust; a "
            "safetensors file holds numbers alone.",
        ),
    )
}


def format_of(name: str) -> Format:
    """The format of this name; raises `ExportError` for one that is not there."""
    if name not in FORMATS:
        raise ExportError(f"format: expected one of {', '.join(FORMATS)}, got {name!r}.")
    return FORMATS[name]
