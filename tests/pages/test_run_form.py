"""The full form of page Train: every field with its help, what is typed wrong, and what it starts."""

from __future__ import annotations

from typing import Any

import pytest

from sbp.data.datasets import default_dataset
from sbp.spec import RunConfig, run_fields
from sbp.spec.presets import PRESETS
from tests.pages.opened import healthy, labels, opened


def test_adjust_shows_the_form_where_the_recipes_stood() -> None:
    at = opened("train")
    at.button(key="adjust-lenet-500-300-quick-page").click().run()
    assert "Start" not in labels(healthy(at))
    wanted = PRESETS["lenet-500-300", "quick"].on(default_dataset()[0])
    assert at.number_input(key="form-page-epochs").value == wanted.schedule.epochs
    at.button(key="back-page").click().run()
    assert "Start" in labels(healthy(at))
    assert not at.number_input


def open_form(at: Any) -> Any:
    at.button(key="adjust-lenet-500-300-quick-page").click().run()
    return healthy(at)


def test_the_form_has_every_field_with_its_help_and_unit() -> None:
    at = open_form(opened("train"))
    controls = [*at.number_input, *at.selectbox, *at.text_input, *at.toggle]
    fields = {control.key.rpartition("-")[2]: control for control in controls if control.key.startswith("form-page-")}
    wanted = set(run_fields()) - {"preset"}
    assert set(fields) == wanted
    for name, control in fields.items():
        field = run_fields()[name]
        assert field.help in control.help
        assert field.unit in control.label.lower()


def test_the_form_starts_with_the_presets_values_and_keeps_its_name(started: list[RunConfig]) -> None:
    at = open_form(opened("train"))
    at.number_input(key="form-page-seed").set_value(7).run()
    at.button(key="start-form-page").click().run()
    assert started[0].preset == "quick"
    assert started[0].seed == 7


def test_changed_values_are_a_custom_run(started: list[RunConfig]) -> None:
    at = open_form(opened("train"))
    at.number_input(key="form-page-epochs").set_value(3).run()
    at.button(key="start-form-page").click().run()
    assert (started[0].preset, started[0].schedule.epochs) == ("custom", 3)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("log_high", -30.0, "expected a < b"),
        ("epochs", 0, "expected at least 1"),
        ("init_log_scale", 9.0, "expected log sigma in [-8, 5]"),
    ],
)
def test_a_wrong_value_is_said_and_cannot_be_started(key: str, value: float, said: str) -> None:
    at = open_form(opened("train"))
    at.number_input(key=f"form-page-{key}").set_value(value).run()
    assert said in " ".join(error.value for error in healthy(at).error)
    assert at.button(key="start-form-page").disabled


@pytest.mark.parametrize(("text", "said"), [("500; many", "expected numbers"), ("500", "expected 2 numbers")])
def test_a_list_that_does_not_parse_is_said(text: str, said: str) -> None:
    at = open_form(opened("train"))
    at.text_input(key="form-page-widths").set_value(text).run()
    assert said in " ".join(error.value for error in healthy(at).error)
