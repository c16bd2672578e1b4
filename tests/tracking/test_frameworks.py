"""The same loop under Lightning, accelerate and transformers' Trainer: each leaves the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, TensorDataset
from transformers import Trainer as TransformersTrainer
from transformers import TrainingArguments

import sbp
from sbp.runs import launcher
from sbp.runs.view import RunView
from sbp.tracking import lightning as of_lightning
from sbp.tracking import transformers as of_transformers
from tests.tracking.small import BATCH, EPOCHS, N, adam, digits, loss_of, network, read_back

# What these libraries say about themselves is theirs to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


def loader() -> DataLoader[Any]:
    return DataLoader(TensorDataset(*digits()), batch_size=BATCH)


def test_accelerate(runs_root: Path) -> None:
    accelerator = Accelerator(cpu=True)
    bare = network()
    model, optimiser, data = accelerator.prepare(bare, adam(bare), loader())
    unwrapped = accelerator.unwrap_model(model)
    with sbp.track(unwrapped, runs_root / "mine", digits(2)[0], optimiser, n_train=N, epochs=EPOCHS) as run:
        for _ in range(EPOCHS):
            for x, y in data:
                loss, nll = loss_of(model, x, y)
                optimiser.zero_grad()
                accelerator.backward(loss)
                optimiser.step()
            run.log(nll=nll)
    read_back(run.path)


class Lit(LightningModule):
    """The network in a LightningModule."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.net, self.fails = network(), fails

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        if self.fails and self.current_epoch:
            raise RuntimeError("no more")
        loss, nll = loss_of(self.net, *batch)
        self.log("nll", nll, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        x, y = batch
        self.log("wrong", (self.net(x).argmax(1) != y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.net)


def lit_values(logged: Any) -> dict[str, float]:
    return {"nll": float(logged["nll"]), "validation_error_percent": 100 * float(logged["wrong"])}


def lit_trainer(root: Path, epochs: int = EPOCHS, *more: Any) -> Trainer:
    callback = of_lightning.TrackingCallback(root / "mine", digits(2)[0], lit_values, n_train=N, title="Lit")
    off = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    return Trainer(accelerator="cpu", devices=1, max_epochs=epochs, callbacks=[callback, *more], **off)  # type: ignore[arg-type]


def test_lightning(runs_root: Path) -> None:
    trainer = lit_trainer(runs_root)
    trainer.fit(Lit(), loader(), loader())
    view = read_back(runs_root / "mine")
    assert view.description.title == "Lit"
    assert view.records()[-1].validation_error_percent == pytest.approx(100 * float(trainer.callback_metrics["wrong"]))


def test_lightning_that_fails(runs_root: Path) -> None:
    with pytest.raises(RuntimeError, match="no more"):
        lit_trainer(runs_root).fit(Lit(fails=True), loader(), loader())
    view = RunView(runs_root / "mine")
    assert (view.state.value, len(view.records())) == ("failed", 1)
    assert "no more" in view.message


def test_lightning_stops_where_the_app_asks_for_it(runs_root: Path) -> None:
    class Stops(of_lightning.Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            launcher.stop("mine")

    lit_trainer(runs_root, 5, Stops()).fit(Lit(), loader(), loader())
    view = RunView(runs_root / "mine")
    assert (view.state.value, len(view.records())) == ("stopped", 1)


class Examples(Dataset[dict[str, Tensor]]):
    """The digits, as a Trainer reads them."""

    def __init__(self) -> None:
        self.x, self.y = digits()

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self.x[index], "labels": self.y[index]}


class Classifier(nn.Module):
    """The network as a Trainer calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.net(x)
        loss = sbp.elbo_loss(cross_entropy(logits, labels), self.net.sbp_noise, n_train=N)  # type: ignore[arg-type]
        return {"loss": loss, "logits": logits}


def hf_trainer(root: Path, values: Any, epochs: int = EPOCHS) -> tuple[TransformersTrainer, Any]:
    model = Classifier()
    callback = of_transformers.TrackingCallback(root / "mine", digits(2)[0], values, n_train=N)
    args = TrainingArguments(
        output_dir=str(root / "hf"),
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH,
        logging_strategy="epoch",
        eval_strategy="epoch",
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    constant = torch.optim.lr_scheduler.ConstantLR
    optimiser = adam(model)
    trainer = TransformersTrainer(
        model=model,
        args=args,
        train_dataset=Examples(),
        eval_dataset=Examples(),
        optimizers=(optimiser, constant(optimiser, 1.0)),  # type: ignore[arg-type]
        compute_metrics=wrong,
        callbacks=[callback],
    )
    return trainer, callback


def wrong(found: Any) -> dict[str, float]:
    return {"wrong": float((np.asarray(found.predictions).argmax(1) != found.label_ids).mean())}


def hf_values(logged: Any) -> dict[str, float]:
    return {"nll": logged["loss"], "validation_error_percent": 100 * logged["eval_wrong"]}


def test_transformers(runs_root: Path) -> None:
    trainer, _ = hf_trainer(runs_root, hf_values)
    trainer.train()
    view = read_back(runs_root / "mine")
    told = [entry["eval_wrong"] for entry in trainer.state.log_history if "eval_wrong" in entry]
    assert [record.validation_error_percent for record in view.records()] == pytest.approx([100 * it for it in told])


def test_transformers_that_fails(runs_root: Path) -> None:
    trainer, callback = hf_trainer(runs_root, lambda logged: {"nll": logged["no_such_metric"]})
    with pytest.raises(KeyError), callback:
        trainer.train()
    assert RunView(runs_root / "mine").state.value == "failed"


def test_transformers_stops_where_the_app_asks_for_it(runs_root: Path) -> None:
    def values(logged: Any) -> dict[str, float]:
        launcher.stop("mine")  # at the end of the first epoch: the second is the last
        return hf_values(logged)

    trainer, _ = hf_trainer(runs_root, values, epochs=5)
    trainer.train()
    view = RunView(runs_root / "mine")
    assert (view.state.value, len(view.records())) == ("stopped", 2)
