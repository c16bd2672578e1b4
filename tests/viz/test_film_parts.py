"""A film in parts: none that is finished changes as its run grows, and one that was written again does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sbp.viz import film, twins
from sbp.viz.film_parts import cut
from sbp.viz.tables import RunTables, tables
from tests.made_up import config, write_run
from tests.pages.opened import whole


def plain(packed: dict[str, Any]) -> dict[str, Any]:
    """A film as JSON has it."""
    return dict(json.loads(json.dumps(packed)))


def test_the_parts_make_the_film(tmp_path: Path) -> None:
    for how in ({"early": True}, {"pretrain_epochs": 3, "finetune_epochs": 2}, {"method": "binary-dropout"}):
        run = write_run(tmp_path, epochs=9, **how)
        packed = plain(film.pack(tables(run), run.config))
        parts = cut(packed)
        assert whole(parts) == packed
        assert len(parts) > 2


def test_the_parts_of_twins_make_their_film(tmp_path: Path) -> None:
    pair = (write_run(tmp_path, epochs=6, random_labels=True), write_run(tmp_path, epochs=9, method="binary-dropout"))
    packed = plain(twins.pack(twins.pair_of(pair, ("SBP", "dropout"))))
    assert whole(cut(packed)) == packed


def test_no_epoch_yet_is_a_film_too(nothing: RunTables) -> None:
    packed = plain(film.pack(nothing, config(), live=True))
    assert whole(cut(packed)) == packed


@pytest.mark.parametrize("epochs", [21, 300])
def test_a_new_epoch_changes_the_last_part_alone(tmp_path: Path, epochs: int) -> None:
    parts = []
    for count in (epochs, epochs + 1):
        run = write_run(tmp_path / str(count), "stopped", epochs=400, epochs_done=count)
        parts.append(cut(film.pack(tables(run), run.config, live=True))[:-1])
    before, after = ({part["name"]: len(part["lists"]) for part in some} for some in parts)
    new = [size for name, size in after.items() if name not in before]
    assert len(new) == 1
    assert new[0] < sum(after.values()) / 10


def test_epochs_that_are_written_again_are_another_part(tmp_path: Path) -> None:
    both = [write_run(tmp_path, epochs=5, seed=seed) for seed in (0, 1)]
    names = [cut(film.pack(tables(run), run.config))[-1]["names"] for run in both]
    assert not set(names[0]) & set(names[1])
