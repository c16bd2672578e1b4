"""The description of a network from a file: what fits no network is refused, whatever field says it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sbp.spec.description import Description
from sbp.spec.networks import SPECS

WRONG = {
    "makes a stranger": ("weights", 2, {"makes": "[red]x[/red]"}),
    "reads a stranger": ("weights", 1, {"reads": ["conv7"]}),
    "too many times": ("weights", 1, {"times": [1, 1, 1]}),
    "no times": ("weights", 2, {"times": []}),
    "more MACs than can be counted": ("weights", 1, {"positions": 10**15}),
    "a name twice": ("groups", 1, {"name": "conv1"}),
    "a shape of other units": ("groups", 0, {"shape": [3]}),
    "a parent that is missing": ("groups", 2, {"parent": "conv9"}),
    "features that are no multiple of channels": ("groups", 2, {"units": 801, "shape": [801]}),
    "a width that is missing": ("scales", 0, [9, 1]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_fits_no_network_is_refused(wrong: str) -> None:
    section, place, change = WRONG[wrong]
    values: dict[str, Any] = json.loads(json.dumps(SPECS["lenet-5-caffe"].to_dict()))
    spoilt = copy.deepcopy(values)
    old = spoilt[section][place]
    spoilt[section][place] = {**old, **change} if isinstance(change, dict) else change
    assert spoilt != values
    with pytest.raises(ValueError, match="expected"):
        Description.from_dict(spoilt)


@pytest.mark.parametrize("name", SPECS)
def test_what_was_written_is_read(name: str) -> None:
    assert Description.from_dict(json.loads(json.dumps(SPECS[name].to_dict()))) == SPECS[name]
