"""python -m sbp train: describes a run, starts its worker, and follows it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sbp.cli.distributed import train_here
from sbp.cli.errors import BadInput, user_errors
from sbp.cli.follow import follow_to_exit
from sbp.cli.options import Detach, EndJson, field_option
from sbp.cli.output import stderr
from sbp.cli.values import parse_settings
from sbp.data.datasets import default_dataset
from sbp.machine.distributed import Ranks
from sbp.runs import launchers, store
from sbp.spec import DATASETS, DEVICES, RunConfig, fits
from sbp.spec.images import IMAGES
from sbp.spec.networks import SPECS
from sbp.spec.presets import PRESETS, preset_config

_DATA = typer.Option(
    help=f"One of {', '.join(DATASETS)}; auto: mnist if present, else digits, or what the network can read."
)
_PRESET = typer.Option(
    help="quick, paper (vgg-like: table-2-sbpa), or custom: every field at its default. By default the network's first "
    "preset.",
    show_default=False,
)
_SET = typer.Option("--set", metavar="FIELD=VALUE", help="Set any field of a run; may be repeated.")
_DEVICES = f"One of {', '.join(DEVICES)}."


@user_errors
def train(
    network: Annotated[str, typer.Argument(help=f"One of {', '.join(SPECS)}.")] = "lenet-500-300",
    data: Annotated[str, _DATA] = "auto",
    preset: Annotated[str, _PRESET] = "",
    epochs: Annotated[int | None, field_option("epochs")] = None,
    batch_size: Annotated[int | None, field_option("batch_size")] = None,
    lr: Annotated[float | None, field_option("lr")] = None,
    noise_lr: Annotated[float | None, field_option("noise_lr")] = None,
    seed: Annotated[int | None, field_option("seed")] = None,
    device: Annotated[str | None, field_option("device", _DEVICES)] = None,
    validation_size: Annotated[int | None, field_option("validation_size")] = None,
    train_size: Annotated[int | None, field_option("train_size")] = None,
    random_labels: Annotated[bool, field_option("random_labels")] = False,
    settings: Annotated[list[str] | None, _SET] = None,
    detach: Detach = False,
    as_json: EndJson = False,
) -> None:
    """Train a network and watch its units being pruned.

    Training runs in a process of its own. Ctrl-C stops it after it has saved a checkpoint, from which
    `python -m sbp resume` continues. `torchrun --nproc-per-node 2 -m sbp train ...` shares each batch between
    processes, one per GPU.
    """
    typed = {
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "noise_lr": noise_lr,
        "seed": seed,
        "device": device,
        "validation_size": validation_size,
        "train_size": train_size,
        "random_labels": random_labels or None,
    }
    overrides = {name: value for name, value in typed.items() if value is not None}
    config = describe(network, data, preset, {**overrides, **parse_settings(settings or [])})
    what = f"{config.network.name} on {config.data.dataset}, preset {config.preset}"
    if (ranks := Ranks.of_environment()).world > 1:
        ranks.local_batch(config.optimisation.batch_size)
        train_here(lambda: store.create(config), ranks, f": {what}", detach, as_json)
        return
    follow_to_exit(launchers.chosen().start(config), f": {what}", detach, as_json)


def describe(network: str, data: str, preset: str, overrides: dict[str, Any]) -> RunConfig:
    """The config from the words of the command line; raises `ConfigError` or `BadInput`."""
    if network not in SPECS:
        raise BadInput(f"NETWORK: expected one of {', '.join(SPECS)}, got {network!r}.")
    if data not in ("auto", *DATASETS):
        raise BadInput(f"--data: expected one of auto, {', '.join(DATASETS)}, got {data!r}.")
    if "network" in overrides and overrides["network"] != network:
        raise BadInput("--set network: put the network right after train instead.")
    if data != "auto" or "dataset" not in overrides:
        overrides = {**overrides, "dataset": _dataset(data, network)}
    own = [name for owner, name in PRESETS if owner == network]
    preset = preset or (own[0] if own else "custom")
    if preset == "custom":
        return RunConfig.flat(**{"preset": "custom", **overrides, "network": network})
    return preset_config(network, preset, **overrides)


def _dataset(data: str, network: str) -> str:
    if data != "auto":
        return data
    name, why = default_dataset()
    if not fits(network, name):
        name = next(other for other in DATASETS if fits(network, other))
        why = f"{network} reads images of {IMAGES[name].by}, so this uses {name}."
    stderr().print(why, soft_wrap=True)
    return name
