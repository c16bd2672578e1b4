"""The weights of a run and the digits it is tried on, read without torch; what is missing is a sentence."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from sbp.data import datasets
from sbp.data.cifar import CLASSES
from sbp.export.computed import ComputedNetwork, read_network
from sbp.pruning.masks import Masks
from sbp.runs.graphs import MANY_MACS, graph_of, kept_graph_of
from sbp.runs.states import State
from sbp.runs.store import RunView
from sbp.spec.images import IMAGES, as_read
from sbp.viz import labels as words
from sbp.viz.tables import RunTables

# Held-out images that an edit is tried on, and the multiply-accumulates that they may take together: what two cores do
# within a second or two.
MOST, MOST_MACS = 5000, 60_000_000_000
_WAITS = "Weights, filters, images and pruning by hand need them."


@dataclass(frozen=True, eq=False)
class Trial:
    """What a network is tried on: images float32 [n, C, H, W] as it reads them, labels [n], in words, a cache's key,
    the kind of its error."""

    images: np.ndarray
    labels: np.ndarray
    what: str
    key: Hashable
    kind: str = "held-out"


def network(run: RunView) -> tuple[ComputedNetwork | None, str, Hashable]:
    """The run's saved network, or None with the reason; and a key that changes with the file."""
    path = run.model_path
    if run.config.tracked:
        return None, f"A run of somebody’s own training loop (sbp.track) has no weights to show. {_WAITS}", None
    if path is None:
        wait = "They are saved at its first checkpoint." if run.state.active else "None were kept with it."
        return None, f"This run has no weights {'yet' if run.state.active else 'to show'}. {wait} {_WAITS}", None
    try:
        facts = path.stat()
        stamp = (str(path), facts.st_mtime_ns, facts.st_size)
        return _network(stamp, run), "", stamp
    except (OSError, ValueError) as error:
        return None, f"The weights of this run cannot be shown: {error} {_WAITS}", None


@st.cache_resource(max_entries=4, show_spinner="Building the graph that computes this network, once.")
def _network(stamp: Hashable, _run: RunView) -> ComputedNetwork:
    config = _run.config
    assert _run.model_path is not None
    low, high = config.noise.log_low, config.noise.log_high
    net = read_network(_run.model_path, _run.description, graph_of(_run), low, high)
    if _run.state is State.FINISHED and net.description.dense_macs() >= MANY_MACS:
        return net.kept_alone(lambda widths: kept_graph_of(_run, widths))
    return net


def epoch_of(net: ComputedNetwork, found: RunTables) -> int | None:
    """The epoch whose noise the saved network has, or None when no snapshot is the same."""
    for row in range(len(found.epochs) - 1, -1, -1):
        if all(np.array_equal(found.loc[name][row], loc) for name, loc in net.loc.items()):
            return int(found.epochs[row])
    return None


def note_of(net: ComputedNetwork, found: RunTables, shown: float | None) -> str:
    """Which epoch the weights are of, where it is not the one shown (None: the newest): there is one set of weights a
    run, that of its last checkpoint.
    """
    saved = epoch_of(net, found)
    if saved is None:
        return "at the last good epoch"
    last = saved == found.last
    saved = found.newest if last else saved  # fine-tuning goes on with the same noise
    if saved == (found.newest if shown is None else shown):
        return ""
    return f"at the last epoch, {saved}" if last else f"at epoch {saved}, the last whose weights are stored"


def images_of(run: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Test images uint8 [n, H, W] or [n, 3, H, W] and labels of the run's data set; raises `DataError` when they cannot
    be found."""
    return _test(run.config.data.dataset, str(datasets.data_root()))


def class_of(run: RunView, label: int) -> str:
    """What a class is called: a digit's number, or what stands in a colour image."""
    return CLASSES[label] if IMAGES[run.config.data.dataset].shape[0] == 3 else str(label)


@st.cache_resource(max_entries=3, show_spinner=False)
def _test(dataset: str, root: str) -> tuple[np.ndarray, np.ndarray]:
    return datasets.read_part(dataset, "test", root)


def trial(run: RunView, net: ComputedNetwork) -> Trial:
    """The images that the run held out, at most `MOST`; some that it was trained on, where it held none out."""
    config = run.config
    most = min(MOST, max(1, MOST_MACS // net.computed_macs))
    return _trial(
        config.data.dataset,
        config.data.validation_size,
        config.data.random_share,
        config.seed,
        config.data.train_size,
        most,
        str(datasets.data_root()),
    )


@st.cache_resource(max_entries=3, show_spinner=False)
def _trial(dataset: str, size: int, random: float, seed: int, train_size: int, most: int, root: str) -> Trial:
    images, labels = datasets.held_out(dataset, size, random, seed, root)
    what, kind, held = "held-out images", "held-out", len(labels)
    if not held:
        images, labels = datasets.held_out(dataset, size, random, seed, root, train_size)
        what, kind = "training images (this run held none out)", "training"
    elif held > most:
        what = f"held-out images (the first of {held:,})"
    images, labels = as_read(images[:most], dataset), labels[:most]
    return Trial(images, labels, f"{len(labels):,} {what}", (dataset, size, random, seed, train_size, most, root), kind)


@st.cache_data(max_entries=256, show_spinner=False)
def _wrong(stamp: Hashable, key: Hashable, kept: bytes, _net: ComputedNetwork, _trial: Trial, _masks: Masks) -> int:
    guesses = _net.logits(_trial.images, _masks).argmax(axis=1)
    return int((guesses != _trial.labels).sum())


def wrong(stamp: Hashable, net: ComputedNetwork, tried: Trial, masks: Masks) -> int:
    """How many of these images the masked network misclassifies."""
    kept = np.packbits(np.concatenate([masks[group.name] for group in net.groups])).tobytes()
    return _wrong(stamp, tried.key, kept, net, tried, masks)


def other_end(run: RunView, name: str) -> str:
    """ "neurons of Dense 2", "classes"."""
    layer = next((layer for layer in run.layers if layer.name == name), None)
    if layer is None or layer.kind == "feature":
        return "classes" if layer is None else "features"
    return f"{words.units_of(layer)} of {words.layer_title(layer)}"
