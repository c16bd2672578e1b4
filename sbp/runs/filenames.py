"""The names of the files in a run's folder, and the noise layers as JSON. Nothing else knows these names.

```
config.json             RunConfig
description.json        what the network is: groups of units, layers of weights (sbp.spec.description); a run without
                        one has the description of the network that its config names
meta.json               format, sbp (the version that wrote it), network, layers, created, then versions, hardware,
                        commit, n_train and the like
status.json             state, message, pid, device, progress, and of a finished run the SHA-256 of the files that grew;
                        replaced whole
records.jsonl           one Record a line, appended
noise.f32               rows of little-endian float32: epoch, loc of every unit, log_scale of every unit
checkpoint.safetensors  everything needed to resume; in the header its JSON state, what it covers, and a SHA-256
checkpoint-before.safetensors  the one before it, for when it is not whole
steps.jsonl             one StepRecord a line, appended: the first steps of a phase; old runs have none
steps.f32               rows as in noise.f32, the step in the place of the epoch; none where a StepRecord has no noise
model.safetensors       weights and noise at the last good epoch
network.onnx            the network as a graph without weights, by which pages compute it (sbp.runs.graphs)
network-kept.onnx       the same at the widths that a recorded run keeps
result.json             the object that the command line prints
speed.json              how fast the dense, masked and compact networks were, one measurement per device and threads
sweep.json              error, kept units and costs at every threshold of every criterion, on held-out examples
attribution.json        attributions of pixels and units by gradients, where computed (sbp.runs.attributions)
log.txt                 what the worker printed
lock                    flocked while a writer runs
stop                    exists: a stop was asked for
.reserve                while a worker runs: room for its last words on a full disk
```
"""

from __future__ import annotations

import dataclasses
from typing import Any

from sbp.spec.layout import Group

# Of the folder: raise it when a file's meaning changes. meta.json says it, and the version that wrote it.
FORMAT = 1
CONFIG, DESCRIPTION, META = "config.json", "description.json", "meta.json"
STATUS, RESULT = "status.json", "result.json"
RECORDS, NOISE = "records.jsonl", "noise.f32"
STEPS, STEP_NOISE = "steps.jsonl", "steps.f32"
CHECKPOINT, BEFORE, MODEL = "checkpoint.safetensors", "checkpoint-before.safetensors", "model.safetensors"
GRAPH, KEPT_GRAPH = "network.onnx", "network-kept.onnx"
SPEED, SWEEP = "speed.json", "sweep.json"
ATTRIBUTION = "attribution.json"
LOG, LOCK, STOP, RESERVE = "log.txt", "lock", "stop", ".reserve"
# What a reader needs of a run that has finished, and what is of use while it lives.
GROWING = {RECORDS, NOISE, STEPS, STEP_NOISE}
LASTING = GROWING | {CONFIG, DESCRIPTION, META, RESULT, MODEL, GRAPH, KEPT_GRAPH, SPEED, SWEEP, ATTRIBUTION}
FILES = LASTING | {STATUS, CHECKPOINT, BEFORE, LOG, LOCK, STOP}


def layers_to_json(layers: tuple[Group, ...]) -> list[dict[str, Any]]:
    """The noise layers as plain values, the way meta.json holds them."""
    return [dataclasses.asdict(layer) for layer in layers]


def layers_from_json(values: list[dict[str, Any]]) -> tuple[Group, ...]:
    """Reads what `layers_to_json` wrote."""
    return tuple(
        Group(value["name"], value["kind"], value["units"], tuple(value["shape"]), str(value.get("parent", "")))
        for value in values
    )
