"""python -m sbp attribute: what gradients and occlusion say of a run's pixels and units, beside its SNR."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from sbp.cli.errors import in_sentences, needs_noise
from sbp.cli.options import JSON, RUN
from sbp.cli.output import print_json, stderr
from sbp.pruning.masks import keep_masks, propagate
from sbp.runs import store
from sbp.runs.attributions import lock_path, weights_digest, write_attribution
from sbp.runs.files import Lock, Locked

if TYPE_CHECKING:
    from sbp.evaluation.attribution import Attributions

_PER_CLASS = typer.Option("--per-class", min=1, max=1000, help="Test images of each class, the first of them.")


@in_sentences
def attribute(
    run: Annotated[str, RUN],
    per_class: Annotated[int, _PER_CLASS] = 20,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Compute attributions of a run's pixels and units by Captum, and keep them with the run.

    Integrated Gradients, Saliency, Occlusion and layer conductance on the network before anything is cut, with their
    rank correlation to the SNR. Takes under half a minute on a CPU.
    """
    view = store.find_run(run).sound()
    needs_noise(view)
    lock_path(view).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = Lock(lock_path(view))
    except Locked:
        raise store.BadRequest(f"{view.id}: another process computes its attributions; wait for it to end.") from None
    try:
        with stderr().status(f"Computes the attributions of {view.id}."):
            found = _compute(view, per_class)
        path = write_attribution(view, found)
    finally:
        lock.release()
    if as_json:
        print_json({"id": view.id, **found})
        return
    typer.echo(f"{view.id}: {found['n']} test images of {found['data']}, {found['seconds']:.1f} s, {found['hardware']}")
    for method, ranks in found["pixels"]["correlation"].items():
        typer.echo(f"  {method}: rank correlation with SNR {_said(ranks)}")
    for name, unit in found["units"].items():
        typer.echo(f"  conductance of {name}: rank correlation with SNR {_said(unit['correlation'])}")
    typer.echo(f"Kept in {path}.")


def _compute(view: store.RunView, per_class: int) -> dict[str, Any]:
    import captum
    import torch

    from sbp.compaction.load import LoadError, network_of
    from sbp.data import datasets
    from sbp.evaluation.attribution import attribute as attributions
    from sbp.evaluation.attribution import balanced
    from sbp.machine import devices
    from sbp.networks.describe import described
    from sbp.noise.install import joint_noise_of

    digest = weights_digest(view)
    try:
        network = network_of(view.config, view.model_path)
    except LoadError as error:
        raise store.BadRequest(f"{view.id}: {error}") from None
    dataset = datasets.load(view.config.data.dataset)
    chosen = torch.from_numpy(balanced(dataset.test_labels.numpy(), per_class))
    images = datasets.as_inputs(dataset.name, dataset.test_images[chosen])
    start = time.monotonic()
    try:
        found = attributions(network, images, dataset.test_labels[chosen])
    except ValueError as error:
        raise store.BadRequest(f"{view.id}: {error}") from None
    seconds = time.monotonic() - start
    snr = {name: values.numpy() for name, values in joint_noise_of(network).snr().items()}
    lit = (dataset.train_images.numpy().max(axis=0) > 0).reshape(-1)
    kept = propagate(keep_masks(snr), described(network).groups)
    return {
        "weights": digest,
        "n": found.n,
        "per_class": per_class,
        "data": dataset.name,
        "seconds": seconds,
        "hardware": devices.describe("cpu"),
        "versions": {"captum": captum.__version__, "torch": torch.__version__},
        "when": time.time(),
        **agreement(found, snr, kept, lit),
    }


def agreement(
    found: Attributions, snr: dict[str, np.ndarray], kept: dict[str, np.ndarray], lit: np.ndarray
) -> dict[str, Any]:
    """Maps and conductances with the SNR of the same units and their rank correlation, as JSON-able values.

    Pixels: over those ever lit in training, and over those kept; a network without noise on its pixels has none.
    """
    from sbp.evaluation.attribution import rank_correlation

    own = snr.get("input")
    ranks = (
        {}
        if own is None
        else {
            method: {"lit": rank_correlation(values, own, lit), "kept": rank_correlation(values, own, kept["input"])}
            for method, values in found.pixels.items()
        }
    )
    pixels = {
        "maps": {method: values.tolist() for method, values in found.pixels.items()},
        "lit": lit.astype(int).tolist(),
        "snr": None if own is None else own.tolist(),
        "kept": None if own is None else kept["input"].astype(int).tolist(),
        "correlation": ranks,
    }
    units = {
        name: {
            "conductance": values.tolist(),
            "snr": snr[name].tolist(),
            "kept": kept[name].astype(int).tolist(),
            "correlation": {
                "all": rank_correlation(values, snr[name]),
                "kept": rank_correlation(values, snr[name], kept[name]),
            },
        }
        for name, values in found.units.items()
    }
    return {"pixels": pixels, "units": units}


def _said(ranks: dict[str, float | None]) -> str:
    return ", ".join(f"{'none' if value is None else f'{value:.2f}'} over {name}" for name, value in ranks.items())
