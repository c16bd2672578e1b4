"""Networks from files: a run's weights, and a compact network as it was exported. Needs no pruning code.

The exported file is a safetensors file whose tensors are the compact network's `state_dict` (the index of selected
features among them) and whose header says `network` and `widths`; what else the header holds is for people.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from sbp.networks.lenet import NoisyNetwork
from sbp.networks.rebuild import rebuild
from sbp.networks.registry import build_for
from sbp.spec import RunConfig


class LoadError(ValueError):
    """A file does not hold the network that was asked for; the message says what it should hold."""


def network_of(config: RunConfig, model_path: str | Path | None) -> NoisyNetwork:
    """The network that a run trained, at its last good epoch: in eval mode, on the CPU, its noise on.

    model_path: the run's `model.safetensors` (`RunView.model_path`); None says that there is none yet.
    Raises `LoadError` with a sentence when there are no weights, or not those of this config's network.
    """
    if model_path is None or not Path(model_path).is_file():
        raise LoadError("This run has no weights yet; they are saved with its first checkpoint and at its end.")
    tensors, _ = read_safetensors(model_path)
    network = build_for(config)
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if given != expected:
        wrong = sorted(name for name in expected.keys() | given if expected.get(name) != given.get(name))
        raise LoadError(
            f"{Path(model_path).name} does not hold the weights of {config.network.name} with widths "
            f"{list(network.widths)}: {', '.join(wrong[:3])} {'is' if len(wrong) == 1 else 'are'} missing, "
            "unknown or of another shape. Was config.json changed after the training?"
        )
    network.load_state_dict(tensors)
    return network.eval()


def load_compact(path: str | Path) -> NoisyNetwork:
    """The compact network in an exported safetensors file, in eval mode, on the CPU.

    Raises `LoadError` with a sentence when the file is no safetensors file, does not say which network it holds, or
    holds tensors that do not fit it.
    """
    tensors, header = read_safetensors(path)
    name = Path(path).name
    missing = [key for key in ("network", "widths") if key not in header]
    if missing:
        raise LoadError(
            f"{name} does not say its {' and '.join(missing)} in its header; expected a file that "
            "python -m sbp compact RUN wrote."
        )
    try:
        widths = [int(width) for width in json.loads(header["widths"])]
    except (TypeError, ValueError):
        raise LoadError(f"{name}: expected widths like [204, 123] in its header, got {header['widths']!r}.") from None
    if any(tensor_name.endswith((".loc", ".keep")) for tensor_name in tensors):
        raise LoadError(f"{name} holds a network before the cut; python -m sbp compact RUN cuts it to a compact one.")
    try:
        return rebuild(header["network"], widths, tensors)
    except ValueError as error:
        raise LoadError(f"{name} does not hold a compact network. {error}") from None


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file on the CPU, by name, and its header's texts; raises `LoadError`."""
    path = Path(path)
    if not path.is_file():
        raise LoadError(f"There is no file {path}.")
    try:
        with safe_open(str(path), framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise LoadError(f"{path.name} cannot be read as a safetensors file ({error}).") from None
