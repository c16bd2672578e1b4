"""The weights of a run and the digits it is tried on, read without torch; what is missing is a sentence."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from sbp import data
from sbp.networks import plain
from sbp.networks.plain import PlainNetwork
from sbp.pruning.masks import Masks
from sbp.runs.store import RunView
from sbp.viz import words
from sbp.viz.tables import RunTables

# Held-out digits that an edit is tried on: what two busy cores evaluate well within a second.
MOST = {"lenet-500-300": 5000, "lenet-5-caffe": 2000}
_WAITS = "What shows weights, filters, digits and pruning by hand waits for them."


@dataclass(frozen=True, eq=False)
class Trial:
    """Digits to try a network on: images float32 [n, 28, 28] in [0, 1], labels [n], what they are, a key for caches."""

    images: np.ndarray
    labels: np.ndarray
    what: str
    key: Hashable


def network(run: RunView) -> tuple[PlainNetwork | None, str, Hashable]:
    """The run's saved network, or None with what to say of it; and a key that changes with the file."""
    if run.config.network.name not in plain.PLAIN:
        title = words.NETWORK[run.config.network.name]
        return None, (
            f"{title} is too large to be computed on a page, so its noise is shown alone: weights, filters, images and "
            "pruning by hand are for the LeNets. Choose a run of one in the list above to see them."
        ), None
    path = run.model_path
    if path is None:
        wait = "They are saved at its first checkpoint." if run.state.active else "None were saved before it ended."
        return None, f"This run has no weights {'yet' if run.state.active else 'to show'}. {wait} {_WAITS}", None
    try:
        facts = path.stat()
        stamp = (str(path), facts.st_mtime_ns, facts.st_size)
        return _network(stamp, run), "", stamp
    except (OSError, ValueError) as error:
        return None, f"The weights of this run cannot be shown: {error} {_WAITS}", None


@st.cache_resource(max_entries=4, show_spinner=False)
def _network(stamp: Hashable, _run: RunView) -> PlainNetwork:
    config = _run.config
    assert _run.model_path is not None
    low, high = config.noise.log_low, config.noise.log_high
    return plain.read_plain(_run.model_path, config.network.name, _run.layers, low, high)


def epoch_of(net: PlainNetwork, found: RunTables) -> int | None:
    """The epoch whose noise the saved network has, or None when no snapshot is the same."""
    for row in range(len(found.epochs) - 1, -1, -1):
        if all(np.array_equal(found.loc[name][row], loc) for name, loc in net.loc.items()):
            return int(found.epochs[row])
    return None


def digits_of(run: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Test images uint8 [n, 28, 28] and labels of the run's data set; raises `DataError` when they are not here."""
    return _test(run.config.data.dataset, str(data.data_root()))


@st.cache_resource(max_entries=3, show_spinner=False)
def _test(dataset: str, root: str) -> tuple[np.ndarray, np.ndarray]:
    return data.read_part(dataset, "test", root)


def trial(run: RunView) -> Trial:
    """The digits that the run held out, at most `MOST`; some that it was trained on, where it held none out."""
    config = run.config
    return _trial(
        config.data.dataset, config.data.validation_size, config.data.random_labels, config.seed,
        config.data.train_size, MOST[config.network.name], str(data.data_root()),
    )  # fmt: skip


@st.cache_resource(max_entries=3, show_spinner=False)
def _trial(dataset: str, size: int, random: bool, seed: int, train_size: int, most: int, root: str) -> Trial:
    images, labels = data.held_out(dataset, size, random, seed, root)
    what, held = "held-out digits", len(labels)
    if not held:
        images, labels = data.held_out(dataset, size, random, seed, root, train_size)
        what = "training digits (this run held none out)"
    elif held > most:
        what = f"held-out digits (the first of {held:,})"
    images, labels = images[:most].astype(np.float32) / 255, labels[:most]
    return Trial(images, labels, f"{len(labels):,} {what}", (dataset, size, random, seed, train_size, most, root))


@st.cache_resource(max_entries=2, show_spinner=False)
def _maps(stamp: Hashable, key: Hashable, _net: PlainNetwork, _trial: Trial) -> np.ndarray:
    return plain.first_maps(_net, _trial.images)


@st.cache_data(max_entries=256, show_spinner=False)
def _wrong(stamp: Hashable, key: Hashable, kept: bytes, _net: PlainNetwork, _trial: Trial, _masks: Masks) -> int:
    maps = _maps(stamp, key, _net, _trial) if _net.name == "lenet-5-caffe" else None
    guesses = plain.logits(_net, _trial.images, _masks, maps).argmax(axis=1)
    return int((guesses != _trial.labels).sum())


def wrong(stamp: Hashable, net: PlainNetwork, tried: Trial, masks: Masks) -> int:
    """How many of these digits the masked network takes for another."""
    kept = np.packbits(np.concatenate([masks[layer.name] for layer in net.layers])).tobytes()
    return _wrong(stamp, tried.key, kept, net, tried, masks)


def other_end(run: RunView, name: str) -> str:
    """ "neurons of Dense 2", "classes"."""
    layer = next((layer for layer in run.layers if layer.name == name), None)
    if layer is None or layer.kind == "feature":
        return "classes" if layer is None else "features"
    return f"{words.units_of(layer)} of {words.layer_title(layer)}"
