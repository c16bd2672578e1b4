"""Reads the config.json of a run's folder: whole, or not at all. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sbp import __version__
from sbp.runs.filenames import CONFIG, RESULT
from sbp.runs.plain_files import BadFile, read_json
from sbp.spec import RunConfig, run_fields
from sbp.spec.description import Description
from sbp.spec.layout import Group
from sbp.spec.networks import description_of

# The fields that a config had in the first version, and has had ever since. A file without one of them was cut or was
# never a run's: taking the field's default would put another run's numbers beside this one's. Fields that came later
# are missing from older recorded runs, and their defaults say what was done before there was a choice.
REQUIRED = (
    *("network", "widths", "dataset", "train_size", "validation_size", "random_labels", "method", "kl_weights"),
    *("log_low", "log_high", "init_loc", "init_log_scale", "batch_size", "lr", "noise_lr", "weight_decay"),
    *("epochs", "pretrain_epochs", "seed", "device", "threads", "preset"),
)
MOST_UNITS = 10**6  # of all noise layers together: thirty times those of any network here
MOST_EPOCHS = 10**6


def read_config(folder: Path) -> RunConfig:
    """What a run was asked to do.

    Args:
        folder: the run's.

    Raises:
        BadFile: config.json is missing, cannot be read, lacks a field that every version has written, or describes no
            run; the message names file and field.
    """
    values = read_json(folder / CONFIG)
    present, fields = set(_names(values)), run_fields()
    if any(isinstance(value, dict) for value in values.values()):  # by sections: without what other methods have
        present |= {name for name in REQUIRED if fields[name].methods}
    if missing := [name for name in REQUIRED if name not in present]:
        named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise BadFile(f"{CONFIG} in {folder} does not describe a run: it lacks {named}, which every config has.")
    try:
        config = RunConfig.from_dict(values)
        layers = () if config.tracked else description_of(config.network).groups
    except Exception as error:  # whatever a value of some other kind leads to is this file's fault
        raise BadFile(f"{CONFIG} in {folder} does not describe a run to sbp {__version__}: {error}") from None
    units = sum(layer.units for layer in layers)
    if units > MOST_UNITS:
        raise BadFile(f"{CONFIG} in {folder} describes a network of {units:,} units; expected at most {MOST_UNITS:,}.")
    epochs = config.schedule.pretrain_epochs + config.schedule.last_epoch
    if epochs > MOST_EPOCHS:
        raise BadFile(f"{CONFIG} in {folder} asks for {epochs:,} epochs; expected at most {MOST_EPOCHS:,}.")
    return config


def _names(values: Mapping[str, Any]) -> Iterator[str]:
    """The names of all fields, those within sections too."""
    for name, value in values.items():
        yield name
        if isinstance(value, dict):
            yield from _names(value)


def mismatch(
    result: Mapping[str, Any], config: RunConfig, description: Description, layers: tuple[Group, ...], folder: Path
) -> str:
    """The sentence for a result that cannot be this run's, empty for one that can.

    Args:
        result: what result.json holds; a field that it lacks contradicts nothing.
        config: the run's.
        description: of its network.
        layers: its noise layers before anything was removed.
        folder: the run's, for the sentence.
    """
    where = f"{RESULT} in {folder} is of another run"
    for name in ("network", "dataset", "method", "preset", "seed", "epochs", "random_labels", "label_noise"):
        if name in result and result[name] != (asked := config.value(name)):
            return f"{where}: its {name} is {result[name]!r:.60}, and {CONFIG} says {asked!r:.60}."
    kept = result.get("kept", ())
    if kept and len(kept) != len(layers):
        return f"{where}: it keeps units in {len(kept)} noise layers, and this network has {len(layers)}."
    for count, layer in zip(kept, layers, strict=False):
        if count > layer.units:
            return f"{where}: it keeps {count:,} units of {layer.name}, which has {layer.units:,}."
    if layers != description.groups:
        return ""  # of a network that is not known here, and so are its MACs
    dense = description.dense_macs()
    macs, told, reduction = result.get("macs"), result.get("macs_dense", dense), result.get("macs_reduction")
    if told != dense or (macs or 0) > dense:
        return f"{where}: it counts {max(told, macs or 0):,} MACs, and this network has {dense:,}."
    if macs and reduction is not None and abs(reduction * macs / dense - 1) > 0.01:
        return (
            f"{RESULT} in {folder} contradicts itself: {macs:,} of {dense:,} MACs are no reduction of {reduction:g}x."
        )
    return ""
