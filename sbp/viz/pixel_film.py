"""What page Pixels draws of a run, epoch by epoch: SNR, E[theta] and keep of each unit of the layer that is an image.

A network without noise on its pixels shows its feature maps instead: there the image's places still mean something.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from sbp.distributions import moments
from sbp.pruning.masks import keep_masks, propagate
from sbp.spec import RunConfig
from sbp.spec.layout import Group
from sbp.viz import film, labels
from sbp.viz.cell_layout import cells
from sbp.viz.tables import RunTables


def layer_of(layers: tuple[Group, ...]) -> Group:
    """The layer whose units have a place in the image: the pixels, else maps of features, else the first."""
    with_places = sorted((layer for layer in layers if len(layer.shape) > 1), key=lambda layer: len(layer.shape))
    return with_places[0] if with_places else layers[0]


def pack(tables: RunTables, config: RunConfig) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of the film.

    Arrays, uint8, one row per epoch or first step shown: film.levels [F, U], the SNR as `film.levels` codes it;
    film.theta [F, U], E[theta] from 0 to `theta_max` in 255 steps; film.keep [F, U], 1 where kept, closed; scale.light
    and scale.dark [256, 3], the colour of each level.
    """
    tables = tables.with_steps
    layer, rows = layer_of(tables.layers), film.frames(tables.epochs)
    theta = moments.mean(
        tables.loc[layer.name][rows], tables.log_scale[layer.name][rows], config.noise.log_low, config.noise.log_high
    )
    theta_max = float(np.exp(config.noise.log_high))
    masks = [
        propagate(keep_masks({name: snr[row] for name, snr in tables.snr.items()}), tables.layers)[layer.name]
        for row in rows
    ]
    arrays = {
        "film.levels": film.levels(tables.snr[layer.name][rows]),
        "film.theta": np.rint(np.clip(theta / theta_max, 0, 1) * 255).astype(np.uint8),
        "film.keep": np.array(masks, dtype=np.uint8).reshape(len(rows), layer.units),
        "scale.light": film.colours(False),
        "scale.dark": film.colours(True),
    }
    return arrays, {
        "id": tables.run,
        "epochs": film.short(tables.epochs[rows]),
        "said": [tables.when(epoch) for epoch in tables.epochs[rows]],
        "total": int(max(config.schedule.last_epoch, tables.last)),
        "layer": {
            "name": layer.name,
            "kind": layer.kind,
            "units": layer.units,
            "parent": layer.parent,
            "shape": list(layer.shape),
            "of": labels.layer_name(layer.parent or layer.name).lower(),
        },
        "grid": cells(layer, aspect=1.0).tolist(),
        "theta_max": theta_max,
        "low": film.LOW,
        "high": film.HIGH,
        "one": film.ONE,
    }


def sheet(images: np.ndarray) -> str:
    """uint8 images as base64 text, for a few of them."""
    return base64.b64encode(np.ascontiguousarray(images, dtype=np.uint8).tobytes()).decode()
