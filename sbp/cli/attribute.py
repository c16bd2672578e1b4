"""python -m sbp attribute: attributions of a run's pixels and units by gradients and occlusion, compared with SNR."""

from __future__ import annotations

import time
from typing import Annotated, Any

import captum
import numpy as np
import torch
import typer

from sbp.cli.errors import needs_noise, user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import print_json, stderr
from sbp.compaction.load import LoadError
from sbp.compaction.weights import network_of
from sbp.data import datasets
from sbp.evaluation.attribution import Attributions, balanced, rank_correlation
from sbp.evaluation.attribution import attribute as attributions
from sbp.machine import devices
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of
from sbp.pruning.masks import keep_masks, propagate
from sbp.runs import store
from sbp.runs.attributions import lock_path, weights_digest, write_attribution
from sbp.runs.files import Lock, Locked

_PER_CLASS = typer.Option("--per-class", min=1, max=1000, help="How many test images of each class, from the first.")


@user_errors
def attribute(run: Run, per_class: Annotated[int, _PER_CLASS] = 20, as_json: AsJson = False) -> None:
    """Compute attributions of a run's pixels and units by Captum, and save them with the run.

    Integrated Gradients, Saliency, Occlusion and layer conductance of the dense network, with their rank correlation
    with SNR. Takes less than half a minute on a CPU.
    """
    view = store.find_run(run).sound()
    needs_noise(view)
    lock_path(view).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = Lock(lock_path(view))
    except Locked:
        raise store.BadRequest(f"{view.id}: another process is computing its attributions; try again later.") from None
    try:
        with stderr().status(f"Computing attributions of {view.id}"):
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
    typer.echo(f"Saved to {path}.")


def _compute(view: store.RunView, per_class: int) -> dict[str, Any]:
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
    noise = {name: {"snr": own.tolist(), "kept": kept[name].astype(int).tolist()} for name, own in snr.items()}
    maps = {method: values.tolist() for method, values in found.pixels.items()}
    pixels = {"maps": maps, "lit": lit.astype(int).tolist(), **noise.get("input", {"snr": None, "kept": None})}
    units = {name: {"conductance": values.tolist(), **noise[name]} for name, values in found.units.items()}

    def ranks(values: np.ndarray, name: str, over: str, among: np.ndarray | None) -> dict[str, float | None]:
        places = {over: among, "kept": kept[name]}
        return {said: rank_correlation(values, snr[name], where) for said, where in places.items()}

    pixels["correlation"] = {m: ranks(v, "input", "lit", lit) for m, v in found.pixels.items() if "input" in snr}
    for name, values in found.units.items():
        units[name]["correlation"] = ranks(values, name, "all", None)
    return {"pixels": pixels, "units": units}


def _said(ranks: dict[str, float | None]) -> str:
    return ", ".join(f"{'none' if value is None else f'{value:.2f}'} over {name}" for name, value in ranks.items())
