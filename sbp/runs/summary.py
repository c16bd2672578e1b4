"""The object that the command line prints of a run, in any state. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

if TYPE_CHECKING:
    from sbp.runs.view import RunView

_ASKED = ("network", "dataset", "method", "preset", "seed", "device", "epochs", "random_labels", "label_noise")
_KNOWN = ("hardware", "n_train", "n_test", "kl_weights", "versions", "commit")
KEYS = (
    *("id", "network", "dataset", "method", "preset", "state", "message", "seed", "device", "hardware"),
    *("epochs", "epochs_done", "test_error_percent", "validation_error_percent"),
    *("kept", "macs", "macs_dense", "macs_reduction", "seconds"),
    *("n_train", "n_test", "kl_weights", "random_labels", "label_noise", "versions", "commit"),
)


def summarise(view: RunView) -> dict[str, Any]:
    """A run as one JSON-able object: the result where there is one, else config, meta and the last record.

    macs are multiply-accumulates per image and macs_reduction = macs_dense / macs (infinite shows as None). Of a run
    that has a problem there are no figures, only what it was asked to do, where that can be read.
    """
    values: dict[str, Any] = dict.fromkeys(KEYS)
    said = {"id": view.id, "state": str(view.state), "message": view.message}
    if view.described:
        config = view.config
        values |= {name: config.value(name) for name in _ASKED}
        values["macs_dense"] = view.description.dense_macs()
        given = config.value("kl_weights")
        weights = given or (None if config.method.name == "sbpa" else (1.0,) * len(view.layers))
        values["kl_weights"] = list(weights) if weights else None
    if view.problem:  # of its figures none can be relied on
        return values | said
    records = view.records()
    values |= {name: view.meta[name] for name in _KNOWN if name in view.meta}
    values["device"] = view.device or values["device"]
    # Of those in `epochs`, which are the main phase's; pretraining and fine-tuning are not among them.
    values["epochs_done"] = sum(record.phase == "sbp" for record in records)
    if records:
        last = records[-1]
        values |= {"kept": list(last.kept), "macs": last.macs, "seconds": last.seconds}
        values["validation_error_percent"] = last.validation_error_percent
        if values["macs_dense"] and last.macs:
            values["macs_reduction"] = round(values["macs_dense"] / last.macs, 3)
    if view.result:
        values |= view.result
    finite: dict[str, Any] = to_jsonable_python(values | said, inf_nan_mode="null")
    return finite
