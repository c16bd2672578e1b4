"""python -m sbp compact, export: a run's compact network as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sbp.cli.errors import BadInput, user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import print_json
from sbp.export.files import FORMATS, Exported, exported
from sbp.runs import store
from sbp.viz.labels import widths

_THRESHOLD = typer.Option("--threshold", help="Keep units with at least this SNR. [default: the method's own, 1]")
_FORMAT = typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
_FILE = typer.Option("--out", help="The file to write. [default: RUN-compact.safetensors]", show_default=False)
_FOLDER = typer.Option("--out", help="The folder to write into.")


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
    file = exported(view, "safetensors", threshold, filename=out.name if out else "", most_images=None)
    _say(view.id, file, file.write(out.parent if out else Path()), as_json)


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
    file = exported(view, format, threshold, most_images=None)
    _say(view.id, file, file.write(out), as_json)


def _say(run_id: str, file: Exported, path: Path, as_json: bool) -> None:
    figures = file.cut.figures()
    if as_json:
        written = {"id": run_id, "file": str(path), "card": f"{path}.md", "bytes": len(file.content)}
        print_json(written | figures | {"checked": file.checked})
        return
    fewer = f" ({figures['macs_reduction']:.2f}x fewer)" if figures["macs"] else ": a constant predictor"
    typer.echo(f"{run_id}, cut at {figures['choice']}")
    typer.echo(f"  kept    {widths(figures['units'])} → {widths(figures['kept'])}")
    typer.echo(f"  params  {figures['params_dense']:,} → {figures['params']:,}")
    typer.echo(f"  MACs    {figures['macs_dense']:,} → {figures['macs']:,}{fewer}")
    for name, seen in file.checked.items():
        images = "random images" if name == "random" else f"test images of {name}"
        typer.echo(
            f"  masked and compact predict the same on {seen['equal_predictions']:,} of {seen['images']:,} {images}; "
            f"logits at most {seen['largest_difference']:.1e} apart"
        )
    typer.echo(f"Wrote {path} ({len(file.content) / 1024:,.0f} KiB) and its model card, {path.name}.md.")
