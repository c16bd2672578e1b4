"""The model card: what the run recorded is on it, and what it did not record is not made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sbp.export.files import exported
from sbp.runs import store
from sbp.runs.files import write_json
from sbp.runs.folder import RunFolder
from sbp.runs.view import RunView
from tests.pruning.networks import cases, kept_of, random_network
from tests.pruning.runs import saved_run


def finished(root: Path, name: str = "lenet-500-300", **changes: Any) -> RunView:
    """A run with a result, as its worker leaves one."""
    view = saved_run(root, name, **changes)
    kept = kept_of(random_network(name, torch.float32))
    result = {"test_error_percent": 4.25, "n_test": 360, "kept": kept, "commit": "abc+"}
    write_json(view.folder / "result.json", {"id": view.id, **result, "versions": {"torch": "2.13.0"}})
    return store.open_run(view.id, root)


def test_the_card_says_what_the_run_recorded(runs_root: Path) -> None:
    view = finished(runs_root, seed=5)
    file = exported(view)
    figures = file.cut.figures()
    one_line = " ".join(file.card.split())
    for part in (
        "# LeNet-500-300 for digits, compact",
        f"run `{view.id}`",
        "cut out (SNR >= 1)",
        f"| kept pixels of `input` | 784 | {figures['kept'][0]} |",
        f"| kept neurons of `dense2` | 17 | {figures['kept'][2]} |",
        f"| parameters | {784 * 23 + 23 + 23 * 17 + 17 + 170 + 10:,} | {figures['params']:,} (",
        f"| MACs per image | {784 * 23 + 23 * 17 + 170:,} | {figures['macs']:,} (",
        "| error | not recorded | 4.25 % of 360 test images |",
        "there never was a dense network without it",
        "of the masked network (zeros in place), read once, at the end of the run",
        "scikit-learn's digits, upscaled to 28 x 28, trained on 1,297 images",
        "Seed 5; 12 of 12 epochs",
        "plain bound (every KL weight 1)",
        "Hardware: 2 cores; 18 s",
        "torch 2.13.0; commit abc+",
        "pip install safetensors torch",
        '"noise_lr": 0.1',
        "MIT licence",
    ):
        assert part in one_line, part


def test_the_error_of_another_cut_is_not_claimed(runs_root: Path) -> None:
    view = finished(runs_root)
    assert view.result is not None
    everything = dict(cases(random_network("lenet-500-300")))["all kept"]
    for card in (exported(view, threshold=0.5).card, exported(view, masks=everything).card):
        assert "| error | not recorded | not measured |" in card
        assert "4.25 %, is that of the cut at SNR >= 1, which keeps " in card
        assert "–".join(f"{kept}" for kept in view.result["kept"]) in card
    assert "masks chosen by hand" in card


def test_a_folder_of_the_machine_that_trained_stays_there(runs_root: Path) -> None:
    view = saved_run(runs_root, "lenet-500-300")
    source = "MNIST, 60,000 training and 10,000 test images, read from /home/somebody/mnist."
    write_json(view.folder / "meta.json", {**view.meta, "data_source": source})
    card = exported(store.open_run(view.id, runs_root)).card
    assert "Data: MNIST, 60,000 training and 10,000 test images, trained on 1,297 images." in card
    assert "somebody" not in card


def test_pretraining_is_the_only_dense_error_that_is_known(runs_root: Path) -> None:
    view = finished(runs_root, "lenet-5-caffe", pretrain_epochs=2, method="sbpa", kl_weights=(60.0, 60.0, 1.0, 1.0))
    lines = (view.folder / "records.jsonl").read_text().splitlines()
    for at, epoch in enumerate((-1, 0)):
        lines[at] = json.dumps({**json.loads(lines[at]), "phase": "pretrain", "epoch": epoch})
    (view.folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    with RunFolder(view.folder) as folder:
        folder.write_status(view.state)
    error = store.open_run(view.id, runs_root).records()[1].validation_error_percent
    card = exported(store.open_run(view.id, runs_root)).card
    assert f"| error | {error:.2f} % of held-out training images | 4.25 % of 360 test images |" in card
    assert "after the pretraining, when there was no noise yet" in card
    assert "10 of 12 epochs with the noise on after 2 of pretraining" in card
    assert "weighted bound (KL weights 60, 60, 1, 1)" in card


def test_a_run_that_has_not_finished_has_no_test_error(runs_root: Path) -> None:
    card = exported(saved_run(runs_root, "lenet-500-300", state="stopped", epochs_done=3)).card
    assert "| error | not recorded | not measured |" in card
    assert "no test error is recorded; the test set is read when a run finishes" in card
    assert "3 of 12 epochs with the noise on, the run is stopped" in card


@pytest.mark.parametrize("name", ["lenet-500-300", "lenet-5-caffe"])
def test_the_constant_predictor_is_called_that(name: str, runs_root: Path) -> None:
    card = exported(saved_run(runs_root, name, random_labels=True), threshold=1e6).card
    assert "it is the constant predictor: the same logits for every image" in card
    assert "every training label was replaced by a random one" in card
    assert "| 0 |" in card
    assert "x fewer" in card.split("MACs per image")[0]
    assert "x fewer" not in card.split("MACs per image")[1]


def test_a_program_of_torch_comes_with_a_warning(runs_root: Path) -> None:
    view, warning = saved_run(runs_root, "lenet-500-300"), "load such files only from people you trust"
    assert [warning in exported(view, format).card for format in ("torch-export", "safetensors")] == [True, False]
