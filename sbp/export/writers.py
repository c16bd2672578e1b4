"""A compact network as the bytes of a file, one function a format."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable, Mapping

import torch
from safetensors.torch import save
from torch import Tensor, nn

from sbp.export.formats import ExportError
from sbp.export.onnx_quiet import quiet
from sbp.networks.describe import described

# What torch.onnx.export imports, and what checks that its file computes the same.
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
# Logits of both, in float32: sums are taken in another order, so they differ by rounding.
TOLERANCE = 1e-5


def safetensors_bytes(network: nn.Module, header: Mapping[str, str]) -> bytes:
    """Its `state_dict`, with `header` (network and widths among it) as the file's metadata."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    # Other readers look for "format": it says whose layout of tensors this is.
    return _in_order(bytes(save(tensors, metadata={"format": "pt", **header})))


def _in_order(content: bytes) -> bytes:
    """The same safetensors file with its header sorted: safetensors shuffles the metadata from one call to the next,
    and the same network should be the same bytes.

    The file is the header's length (8 bytes, little-endian), the header as JSON padded with spaces, the tensors.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def onnx_bytes(network: nn.Module, header: Mapping[str, str], images: Tensor | None = None) -> bytes:
    """An ONNX model from `images` [batch, ...] to `logits` [batch, ...], any batch; checked with onnxruntime.

    Args:
        network: a compact network, in eval mode: a run's, or with `images` what `sbp.compact` made of one's own.
        header: the file's metadata.
        images: at least 2, to trace and check it with; None makes some for a network that a run can name.

    Raises:
        ExportError: a package is missing, there are fewer than 2 images, or the logits differ from torch's by more than
            1e-5 (of the largest one, where that is above 1).
    """
    missing = [package for package in ONNX_PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise ExportError(
            f"ONNX needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            f"pip install {' '.join(missing)}"
        )
    images = _example(network, 7) if images is None else images
    if len(images) < 2:
        raise ExportError(f"images: expected at least 2, so that any batch will do, got {len(images)}.")
    with quiet():
        program = torch.onnx.export(
            network,
            (images[:2],),
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: "batch"},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(header)
    content = program.model_proto.SerializeToString()
    _check_onnx(content, network, images[:7])
    return content


def torch_export_bytes(network: nn.Module, header: Mapping[str, str]) -> bytes:
    """A program of torch.export, any batch; `header` lies in the file as extra/header.json."""
    buffer = io.BytesIO()
    with quiet():
        shapes = ({0: torch.export.Dim("batch")},)
        program = torch.export.export(network, (_example(network),), dynamic_shapes=shapes)
        torch.export.save(program, buffer, extra_files={"header.json": json.dumps(dict(header))})
    return buffer.getvalue()


BYTES_OF: dict[str, Callable[[nn.Module, Mapping[str, str]], bytes]] = {
    "safetensors": safetensors_bytes,
    "onnx": onnx_bytes,
    "torch-export": torch_export_bytes,
}


def _example(network: nn.Module, n: int = 2) -> Tensor:
    """Images to trace with: two, since the exporter treats a batch of one as a fixed size."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, *described(network).image, generator=generator).to(next(network.parameters()))


@torch.no_grad()
def _check_onnx(content: bytes, network: nn.Module, images: Tensor) -> None:
    import onnxruntime  # of the extra "export"

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for part in (images[:1], images):
        expected = network(part)
        (logits,) = session.run(["logits"], {"images": part.numpy()})
        apart = float((torch.from_numpy(logits) - expected).abs().max())
        # Written so that NaN fails too.
        if not apart <= TOLERANCE * max(1.0, float(expected.abs().max())):
            raise ExportError(f"onnxruntime's logits differ from torch's by {apart:.1e}; the file was not written.")
