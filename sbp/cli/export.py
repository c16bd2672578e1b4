"""python -m sbp compact, export: a run's compact network as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from sbp.cli.errors import BadInput, Failed, user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import print_json
from sbp.data.datasets import DataError, as_inputs, load
from sbp.export.files import FORMATS, Exported, exported
from sbp.runs import store
from sbp.runs.view import RunView
from sbp.spec.networks import SPECS
from sbp.viz.labels import widths

_THRESHOLD = typer.Option("--threshold", help="Keep units with at least this SNR. [default: the method's own, 1]")
_FORMAT = typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
_FILE = typer.Option("--out", help="The file to write. [default: RUN-compact.safetensors]", show_default=False)
_FOLDER = typer.Option("--out", help="The folder to write into.")
# Random images that masked and compact are compared on: enough to see a mixed-up unit.
RANDOM_IMAGES = 256
# Logits of the masked and the compact network that lie further apart are no rounding: something is mixed up.
MOST_APART = 1e-2


@user_errors
def compact(
    run: Run,
    out: Annotated[Path | None, _FILE] = None,
    threshold: Annotated[float | None, _THRESHOLD] = None,
    as_json: AsJson = False,
) -> None:
    """Cut a run's pruned units out, check that the network computes the same, and write it with a model card."""
    if out and out.is_dir():
        raise BadInput(f"--out: expected a file to write, got the folder {out}; name a file in it.")
    view = store.find_run(run).sound()
    file = exported(view, "safetensors", threshold, filename=out.name if out else "")
    checked = _checked(view, file)
    path = file.write(out.parent if out else Path())
    _say(view.id, file, path, checked, as_json)


@user_errors
def export(
    run: Run,
    format: Annotated[str, _FORMAT] = "safetensors",
    out: Annotated[Path, _FOLDER] = Path("."),
    threshold: Annotated[float | None, _THRESHOLD] = None,
    as_json: AsJson = False,
) -> None:
    """Check a run's compact network like `compact`, and write it as safetensors, ONNX or torch.export, with a card."""
    view = store.find_run(run).sound()
    file = exported(view, format, threshold)
    checked = _checked(view, file)
    _say(view.id, file, file.write(out), checked, as_json)


def _checked(view: RunView, file: Exported) -> dict[str, dict[str, Any]]:
    """How far masked and compact agree, by the name of the images; raises `Failed` where they do not."""
    dataset = view.config.data.dataset
    checked = {"random": file.cut.agreement(_random_images(SPECS[view.config.network.name].image))}
    images = _test_images(dataset)
    if images is not None:
        checked[dataset] = file.cut.agreement(images)
    for name, seen in checked.items():
        if not seen["largest_difference"] <= MOST_APART:
            raise Failed(
                f"{view.id}: expected logits of the masked and the compact network at most {MOST_APART:g} apart, got "
                f"{seen['largest_difference']:.1e} on images of {name}; no file is written. Export another run, and "
                "report this one."
            )
    return checked


def _say(run_id: str, file: Exported, path: Path, checked: dict[str, dict[str, Any]], as_json: bool) -> None:
    figures = file.cut.figures()
    if as_json:
        written = {"id": run_id, "file": str(path), "card": f"{path}.md", "bytes": len(file.content)}
        print_json(written | figures | {"checked": checked})
        return
    fewer = f" ({figures['macs_reduction']:.2f}x fewer)" if figures["macs"] else ": a constant predictor"
    typer.echo(f"{run_id}, cut at {figures['choice']}")
    typer.echo(f"  kept    {widths(figures['units'])} → {widths(figures['kept'])}")
    typer.echo(f"  params  {figures['params_dense']:,} → {figures['params']:,}")
    typer.echo(f"  MACs    {figures['macs_dense']:,} → {figures['macs']:,}{fewer}")
    for name, seen in checked.items():
        images = "random images" if name == "random" else f"test images of {name}"
        typer.echo(
            f"  masked and compact predict the same on {seen['equal_predictions']:,} of {seen['images']:,} {images}; "
            f"logits at most {seen['largest_difference']:.1e} apart"
        )
    typer.echo(f"Wrote {path} ({len(file.content) / 1024:,.0f} KiB) and its model card, {path.name}.md.")


def _random_images(image: tuple[int, int, int]) -> Tensor:
    return torch.rand(RANDOM_IMAGES, *image, generator=torch.Generator().manual_seed(0))


def _test_images(dataset: str) -> Tensor | None:
    """The test images, without their labels, if the data are here; nothing is downloaded for this check."""
    try:
        return as_inputs(dataset, load(dataset, download=False).test_images)
    except DataError:
        return None
