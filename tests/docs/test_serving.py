"""What docs/serving.md says of the owner's file is what the program reads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sbp.runs.limits import Limits

TEXT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


def test_the_example_of_the_file_names_every_limit_and_is_read() -> None:
    example = tomllib.loads(re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)[0])
    assert set(example) == set(Limits.model_fields)
    assert Limits(**example).owners


def test_the_ceilings_are_those_of_the_program() -> None:
    said = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d", TEXT.partition("Without the file")[2])}
    most = Limits()
    assert {most.queue, most.epochs, most.width, most.batch_size, most.train_size} <= said
