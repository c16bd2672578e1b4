"""What the owner's file allows, at every way in: a run is created, resumed, started from a shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sbp.cli import app
from sbp.data.sources import SOURCES, digits
from sbp.runs import device_queue, launcher, store
from sbp.runs.limits import FILE, Limits, read_limits
from sbp.runs.store import BadRequest
from sbp.spec import ConfigError, RunConfig
from sbp.spec.images import IMAGES
from sbp.spec.presets import PRESETS
from tests.runs.made import TINY


def allow(root: Path, text: str) -> None:
    root.mkdir(exist_ok=True)
    (root / FILE).write_text(text)


def test_without_a_file_every_preset_is_allowed_and_a_huge_network_is_not(runs_root: Path) -> None:
    for preset in PRESETS.values():
        read_limits().check(preset.config)
    with pytest.raises(ConfigError, match=r"^widths .*at most 10,000 .*got 200,000"):
        store.create(RunConfig.flat(widths=(200_000, 300)))
    assert not runs_root.exists()


@pytest.mark.parametrize(
    ("text", "changes", "field"),
    [
        ("epochs = 20", {"epochs": 15, "pretrain_epochs": 4, "finetune_epochs": 2}, "epochs"),
        ("width = 400", {}, "widths"),
        ("batch_size = 64", {"batch_size": 65}, "batch_size"),
        ("train_size = 59999", {}, "train_size"),
        ("train_size = 1000", {"train_size": 1001}, "train_size"),
    ],
)
def test_a_larger_run_is_refused_by_the_name_of_its_field(
    runs_root: Path, text: str, changes: dict[str, int], field: str
) -> None:
    allow(runs_root, text)
    with pytest.raises(ConfigError, match=rf"^{field} "):
        store.create(RunConfig.flat(dataset="mnist", **changes))
    assert store.list_runs(recorded=False) == []


def test_what_is_just_allowed_is_made(runs_root: Path) -> None:
    allow(runs_root, "epochs = 40\nwidth = 8\nbatch_size = 100\ntrain_size = 200")
    with store.create(TINY) as folder:
        assert folder.config == TINY


def test_all_images_of_a_data_set_are_counted() -> None:
    assert {name: IMAGES[name].train for name in SOURCES} == {name: SOURCES[name].files[0].shape[0] for name in SOURCES}
    assert IMAGES["digits"].train == len(digits()["train_images"])


@pytest.mark.parametrize("text", ["epochs = ", "epochs = 'ten'", "epoch = 3", "queue = 0", "width = 20000", "\0"])
def test_a_file_that_cannot_be_read_allows_nothing(runs_root: Path, text: str) -> None:
    allow(runs_root, text)
    with pytest.raises(ConfigError, match=FILE):
        store.create(TINY)
    with pytest.raises(ConfigError, match=FILE):
        launcher.start(TINY)
    assert store.list_runs(recorded=False) == []


def test_a_file_that_is_named_must_be_there(runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(runs_root, "epochs = 3")
    monkeypatch.setenv("SBP_LIMITS", str(tmp_path / "owner.toml"))
    with pytest.raises(ConfigError, match=r"owner\.toml"):
        read_limits()
    (tmp_path / "owner.toml").write_text('owners = ["ada@example.org"]')
    assert read_limits() == Limits(owners=("ada@example.org",)), "that one alone counts"


def test_a_link_to_nowhere_and_a_folder_are_no_limits_file(runs_root: Path, tmp_path: Path) -> None:
    runs_root.mkdir()
    (runs_root / FILE).symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError):
        read_limits()
    (runs_root / FILE).unlink()
    (runs_root / FILE).mkdir()
    with pytest.raises(ConfigError):
        read_limits()


def test_the_queue_takes_no_more_than_the_owner_says_and_again_when_one_has_started(runs_root: Path) -> None:
    allow(runs_root, "queue = 2")
    folders = [store.create(TINY) for _ in range(2)]
    with pytest.raises(BadRequest, match="at most 2"):
        store.create(TINY)
    assert len(store.list_runs(recorded=False)) == 2
    assert not list(runs_root.glob(".new-*"))
    folders[0].write_status("running")
    folders.append(store.create(TINY))
    folders[0].write_status("stopped")
    folders[0].close()
    with pytest.raises(BadRequest, match="at most 2"):
        launcher.resume(folders[0].id)
    for folder in folders[1:]:
        folder.close()
    launcher.reopen(folders[0].id).close()


def test_a_run_of_before_is_resumed_only_within_the_limits(runs_root: Path) -> None:
    with store.create(TINY) as folder:
        folder.write_status("stopped")
    allow(runs_root, "epochs = 5")
    with pytest.raises(ConfigError, match=r"^epochs "):
        launcher.resume(folder.id)
    assert store.open_run(folder.id).config == TINY, "and it opens all the same"


def test_the_file_sets_how_many_train_at_once(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(runs_root, "parallel = 3")
    monkeypatch.delenv("SBP_PARALLEL", raising=False)
    assert device_queue.parallel() == 3
    assert len(device_queue.slot_paths(runs_root, "cpu")) == 3
    monkeypatch.setenv("SBP_PARALLEL", "2")
    assert device_queue.parallel() == 2
    monkeypatch.setenv("SBP_PARALLEL", "4")
    with pytest.raises(ConfigError, match="at most 3"):
        launcher.start(TINY)


def test_the_command_line_refuses_in_words() -> None:
    result = CliRunner().invoke(app, ["train", "--data", "digits", "--set", "widths=200000,300", "--detach"])
    assert result.exit_code == 2
    assert "widths" in result.output
    assert "200,000" in result.output
