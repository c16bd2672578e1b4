"""A run's config: its sections, its errors, and the ways in which it may be written."""

from __future__ import annotations

import json
import pickle
from typing import Any, Literal

import pytest

from sbp.spec import (
    METHOD_CONFIGS,
    METHODS,
    ConfigError,
    DataConfig,
    DropoutConfig,
    MethodConfig,
    OptimisationConfig,
    RunConfig,
    SBPaConfig,
    ScheduleConfig,
    find_field,
    run_fields,
)


def test_each_field_has_one_flat_name_a_sentence_and_a_default_that_is_allowed() -> None:
    for name, field in run_fields().items():
        assert find_field(name) is find_field(field.path) is field
        assert field.help.endswith("."), name
        assert RunConfig().value(name) == RunConfig().value(field.path) == field.default
        assert not field.choices or field.default in field.choices


def test_sections_and_flat_names_make_the_same_config() -> None:
    nested = RunConfig(
        data=DataConfig(dataset="digits"),
        optimisation=OptimisationConfig(lr=0.1),
        seed=2,
        method=SBPaConfig(kl_exponent=0.5),
        schedule=ScheduleConfig(epochs=4),
    )
    flat = {"dataset": "digits", "lr": 0.1, "seed": 2, "method": "sbpa", "kl_exponent": 0.5, "epochs": 4}
    dotted = {
        "data.dataset": "digits",
        "optimisation": {"lr": 0.1},
        "seed": 2,
        "method.name": "sbpa",
        "method.kl_exponent": 0.5,
        "schedule.epochs": 4,
    }
    for made in (RunConfig.flat(**flat), RunConfig.from_dict(flat), RunConfig.from_dict(dotted)):
        assert made == nested
        assert hash(made) == hash(nested)
    assert RunConfig.from_dict(nested.to_dict()) == nested
    assert RunConfig.from_dict(nested.to_flat()) == nested
    assert RunConfig.from_json(nested.to_json()) == nested
    assert json.loads(nested.to_json())["optimisation"]["lr"] == 0.1
    assert pickle.loads(pickle.dumps(nested)) == nested
    assert nested != nested.replace(seed=3)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_through_text_with_its_own_settings(method: str) -> None:
    config = RunConfig.flat(method=method, finetune_epochs=1)
    assert type(config.method) is METHOD_CONFIGS[method]
    assert RunConfig.from_json(config.to_json()) == config
    assert set(config.to_flat()) == set(run_fields())


def test_a_new_method_is_one_class() -> None:
    class Halving(MethodConfig):
        """A method for this test."""

        name: Literal["halving"] = "halving"
        halves: int = 3

    try:
        config = RunConfig.flat(method="halving", halves=2)
        assert config.method == Halving(halves=2)
        assert "halving" in run_fields()["method"].choices
        assert run_fields()["halves"].methods == ("halving",)
        assert RunConfig.from_json(config.to_json()) == config
    finally:
        del METHOD_CONFIGS["halving"]


def test_another_method_keeps_the_settings_that_it_has_too() -> None:
    binary = RunConfig.flat(method="binary-dropout", dropout=0.3)
    assert binary.replace(method="gaussian-dropout").method == DropoutConfig(name="gaussian-dropout", dropout=0.3)
    assert binary.replace(method="sbp") == RunConfig()
    assert binary.replace(dropout=0.2).method == DropoutConfig(dropout=0.2)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lr": -1.0}, "lr (optimisation.lr): expected a number above 0, got -1.0."),
        ({"lr": float("nan")}, "lr (optimisation.lr): expected a number above 0, got nan."),
        ({"optimisation": {"lr": "fast"}}, "lr (optimisation.lr): expected something like 0.002, got 'fast'."),
        ({"epochs": 0}, "epochs (schedule.epochs): expected at least 1, got 0."),
        ({"epochs": "3"}, "epochs (schedule.epochs): expected something like 30, got '3'."),
        ({"epochs": True}, "epochs (schedule.epochs): expected something like 30, got True."),
        ({"augment": 1}, "augment (data.augment): expected something like False, got 1."),
        ({"network": "vgg"}, "network (network.name): expected one of lenet-500-300, lenet-5-caffe, vgg-like, resnet-"),
        ({"network": None}, "network (network.name): expected something like 'lenet-500-300', got None."),
        ({"method": "sgd"}, "method (method.name): expected one of sbp, sbpa, "),
        ({"method": ["sbp"]}, "method (method.name): expected one of sbp, sbpa, "),
        ({"widths": [8]}, "widths (network.widths): expected 2 numbers of at least 1 for lenet-500-300, got [8]"),
        ({"widths": 8}, "widths (network.widths): expected a list of whole numbers, got 8."),
        ({"widths": (8.5, 8)}, "widths (network.widths): expected a list of whole numbers, got (8.5, 8)."),
        ({"dataset": "cifar-10"}, "dataset (data.dataset): expected one with images of 1 x 28 x 28 for lenet-500-300"),
        ({"average_decay": 1.0}, "average_decay (schedule.average_decay): expected a number from 0 to below 1, "),
        ({"kl_warmup": (9, 3)}, "kl_warmup (schedule.kl_warmup): expected two epochs, the first below the second"),
        ({"method": "sbpa", "kl_exponent": 2}, "kl_exponent (method.kl_exponent): expected a number from 0 to 1, "),
        ({"method": "sbpa", "kl_weights": (1, 2)}, "kl_weights (method.kl_weights): expected 3 numbers of at least 0"),
        ({"kl_weights": (1, 2, 3)}, "kl_weights (method.kl_weights): expected none with method sbp (all are 1); "),
        ({"method": "ssl", "dropout": 0.3}, "dropout (method.dropout): expected 0.5 with method ssl, which does not"),
        *[
            (
                {"network": "resnet-20", "dataset": "cifar-10", "method": method},
                "method (method.name): expected a method "
                "that removes whole units (sbp, sbpa, sbp-fixed-mu, original, binary-dropout, gaussian-dropout, "
                "torch-pruning) for "
                f"resnet-20, whose layers are no chain, got {method}, which removes single weights.",
            )
            for method in ("sparse-vd", "ssl", "sbp-weights")
        ],
        ({"method": "ssl", "pixels": True}, "pixels (network.pixels): expected false with method ssl, whose units "),
        ({"method": "ssl", "shrink_after": 1}, "shrink_after (schedule.shrink_after): expected 0 with method ssl"),
        ({"log_low": 1.0}, "log_low, log_high (noise.log_low, noise.log_high): expected a < b, got a = 1.0, b = 0.0"),
        ({"init_loc": 9.0}, "init_loc (noise.init_loc): expected mu within 5 of [a, b], got 9.0."),
        ({"cutout": 2}, "cutout (data.cutout): expected 0 without augment"),
        ({"hold_norm": True, "recalibrate_norm": True}, "recalibrate_norm (optimisation.recalibrate_norm): expected F"),
        ({"decoupled_decay": True, "optimiser": "sgd"}, "decoupled_decay (optimisation.decoupled_decay): expected Fal"),
        ({"seed": -1}, "seed: expected at least 0, got -1."),
        ({"device": "tpu"}, "device: expected one of auto, cpu, cuda, mps, got 'tpu'."),
        ({"colour": 1, "size": 2}, "Unknown field(s) colour, size; a run has network, widths, "),
        ({"lr": 0.1, "optimisation": {"lr": 0.2}}, "lr (optimisation.lr): expected one value, got two by two names."),
        ({"optimisation.epochs": 1}, "Unknown field(s) optimisation.epochs; a run has "),
        ({"optimisation": {"epochs": 1}}, "Unknown field(s) epochs; optimisation has batch_size, "),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_that_names_the_field(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        RunConfig.flat(**values)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_a_section_alone_is_checked_too_and_cannot_be_changed() -> None:
    with pytest.raises(ConfigError, match=r"lr \(optimisation.lr\): expected a number above 0"):
        OptimisationConfig(lr=0)
    with pytest.raises(ConfigError, match="epochs: expected|Unknown field"):
        RunConfig(epochs=3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().optimisation.lr = 1.0


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"epochs": "many"}', '{"optimisation": {"lr": null}}', "NaN"])
def test_text_that_is_no_config_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        RunConfig.from_json(text)
