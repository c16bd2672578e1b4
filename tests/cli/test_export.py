"""python -m sbp compact and export: files, figures and checks, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sbp.compaction.folded import Folded
from sbp.compaction.load import load_compact
from sbp.noise.install import joint_noise_of
from sbp.spec.networks import SPECS
from tests.cli.shell import sbp
from tests.made_up import write_run
from tests.pruning.networks import WIDTHS, images_for, kept_of, random_network
from tests.pruning.runs import cut_wrongly, saved_run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own."""
    (folder := tmp_path / "here").mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", list(SPECS))
def test_compact_writes_the_file_and_says_what_was_saved(
    name: str, runs_root: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBP_DATA", str(here.parent))
    view = saved_run(runs_root, name)
    result = sbp("compact", "latest", "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert Path(said["file"]).name == f"{view.id}-compact.safetensors"
    assert sorted(path.name for path in here.iterdir()) == [said["file"], said["card"]]
    assert said["bytes"] == Path(said["file"]).stat().st_size
    small = load_compact(said["file"])
    network = random_network(name, torch.float32)
    own = Folded(network).cut()
    torch.testing.assert_close(small(images_for(network)), own(images_for(network)), rtol=0, atol=0)
    assert said["kept"] == kept_of(network)
    assert said["macs_dense"] == SPECS[name].dense_macs(WIDTHS[name])
    assert said["macs_reduction"] == pytest.approx(said["macs_dense"] / said["macs"], abs=1e-3)
    # The digits are always at hand.
    at_hand = {"digits": 360} if view.config.data.dataset == "digits" else {}
    assert {key: seen["images"] for key, seen in said["checked"].items()} == {"random": 256, **at_hand}
    for seen in said["checked"].values():
        assert seen["equal_predictions"] == seen["images"]
        assert seen["largest_difference"] < 1e-5


def test_compact_speaks_to_people(runs_root: Path, here: Path) -> None:
    view = saved_run(runs_root, "lenet-500-300")
    text = sbp("compact", view.id, "--threshold", "1.5", "--out", "models/small.safetensors").stdout
    snr = joint_noise_of(random_network("lenet-500-300", torch.float32)).snr()
    kept = [int((values >= 1.5).sum()) for values in snr.values()]
    small = load_compact(here / "models" / "small.safetensors")
    assert [len(small.get_parameter(f"{name}.weight")) for name in ("dense1", "dense2")] == kept[1:]
    for part in (
        f"{view.id}, cut at SNR >= 1.5",
        f"784–23–17 → {'–'.join(map(str, kept))}",
        "x fewer)",
        "predict the same on 256 of 256 random images",
        "predict the same on 360 of 360 test images of digits",
        "Wrote models/small.safetensors (",
        "its model card, small.safetensors.md",
    ):
        assert part in text
    card = (here / "models" / "small.safetensors.md").read_text(encoding="utf-8")
    assert 't = load_file("small.safetensors")' in card
    assert "a constant predictor" in sbp("compact", view.id, "--threshold", "1e6").stdout


def test_compact_downloads_nothing_to_check_itself(
    runs_root: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBP_DATA", str(here / "nothing"))
    saved_run(runs_root, "lenet-500-300", dataset="mnist")
    said = json.loads(sbp("compact", "latest", "--json").stdout)
    assert list(said["checked"]) == ["random"]
    assert not (here / "nothing").exists()


@pytest.mark.parametrize(
    ("format", "ending"), [("safetensors", ".safetensors"), ("onnx", ".onnx"), ("torch-export", ".pt2")]
)
def test_export_writes_each_format_with_its_card(format: str, ending: str, runs_root: Path, here: Path) -> None:
    view = saved_run(runs_root, "lenet-500-300")
    result = sbp("export", view.id, "--format", format, "--out", "files", "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["file"] == f"files/{view.id}-compact{ending}"
    assert Path(said["file"]).stat().st_size == said["bytes"] > 1000
    assert f'"{view.id}-compact{ending}"' in Path(said["card"]).read_text(encoding="utf-8")
    assert said["checked"]["random"]["largest_difference"] < 1e-5


@pytest.mark.parametrize("verb", ["compact", "export"])
def test_a_compact_network_that_computes_something_else_is_not_written(
    verb: str, runs_root: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = saved_run(runs_root, "lenet-500-300")
    cut_wrongly(monkeypatch)
    result = sbp(verb, view.id)
    assert result.exit_code == 1
    assert view.id in result.stderr
    assert list(here.iterdir()) == []


def test_what_cannot_be_done_is_a_sentence_and_exit_code_2(runs_root: Path, here: Path) -> None:
    bare, view = write_run(runs_root), saved_run(runs_root, "lenet-500-300")
    for arguments, sentence in (
        (("compact", "nothing"), "There is no run 'nothing'"),
        (("compact", bare.id), "no weights yet"),
        (("compact", view.id, "--threshold", "-1"), "threshold: expected an SNR above 0"),
        (("compact", view.id, "--out", ".."), "--out: expected a file to write, got the folder .."),
        (("export", view.id, "--format", "pickle"), "format: expected one of safetensors, onnx, torch-export"),
        (("export", bare.id), "no weights yet"),
    ):
        result = sbp(*arguments)
        assert result.exit_code == 2, arguments
        assert sentence in " ".join(result.stderr.split())
        assert "Traceback" not in result.stderr
    assert list(here.iterdir()) == []
