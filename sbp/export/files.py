"""Takes a run's compact network home: as a file with its model card beside it, or as bytes for a download.

Importing this brings no torch, so that a page can offer the download; pressing it does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sbp import __version__
from sbp.export.card import model_card
from sbp.export.formats import FORMATS, ExportError, format_of
from sbp.runs.files import replace_bytes
from sbp.runs.names import checked_file_name
from sbp.runs.view import RunView

if TYPE_CHECKING:
    from sbp.compaction.run import CompactedRun

__all__ = ["FORMATS", "ExportError", "Exported", "export_bytes", "export_run", "exported"]


@dataclass(frozen=True)
class Exported:
    """A file that is not written yet: its name, its content, its card, the cut that it holds, and on which images that
    was checked (`sbp.export.agreement`)."""

    filename: str
    content: bytes
    card: str
    cut: CompactedRun
    checked: dict[str, dict[str, Any]]

    def write(self, folder: Path) -> Path:
        """Writes the file and its card (the same name and .md) into a folder, which is made; gives the file's path."""
        folder, name = Path(folder), checked_file_name(self.filename, "the exported file")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        replace_bytes(path, self.content)
        replace_bytes(path.with_name(f"{path.name}.md"), self.card.encode())
        return path


def export_run(
    view: RunView,
    folder: str | Path,
    format: str = "safetensors",
    threshold: float | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Writes a run's compact network and its model card into `folder`; gives the path of the network's file.

    format: "safetensors" (name, widths, index and metadata; `load_compact` and the card's lines read it), "onnx"
    (any batch; checked against torch with onnxruntime) or "torch-export". threshold: of the SNR; none: the run's own
    keep, SNR >= 1. masks: instead of a threshold, bool [units] by noise layer, True is kept.
    Raises `ExportError` with a sentence when the run has no weights, the format is unknown or lacks a package, or the
    threshold or the masks do not fit, `Disagreement` when masked and compact compute different things; OSError where
    the folder cannot be written.
    """
    return exported(view, format, threshold, masks).write(Path(folder))


def export_bytes(
    view: RunView,
    format: str = "safetensors",
    threshold: float | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
) -> tuple[str, bytes]:
    """The name and the content of the file that `export_run` would write, for a download; the card is inside it.

    format: as for `export_run`, or "card": the card of the safetensors file alone, as Markdown.
    """
    file = exported(view, "safetensors" if format == "card" else format, threshold, masks)
    return (f"{file.filename}.md", file.card.encode()) if format == "card" else (file.filename, file.content)


def exported(
    view: RunView,
    format: str = "safetensors",
    threshold: float | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
    filename: str = "",
    most_images: int | None = 1000,
) -> Exported:
    """The file in memory, its card and its cut.

    filename: another one than the run's id and the format's ending. most_images: test images on which masked and
    compact are compared beside random ones, None for all; a download is not to wait for 10,000.
    Raises `Disagreement` where the two differ.
    """
    kind = format_of(format)
    if view.problem:
        raise ExportError(view.problem)
    # Both bring torch, which a page that offers the file need not wait for.
    from sbp.compaction.run import compact_run
    from sbp.export.agreement import check_agreement
    from sbp.export.writers import BYTES_OF

    try:
        cut = compact_run(view.config, view.model_path, threshold, masks)
    except ValueError as error:
        raise ExportError(str(error)) from None
    checked = check_agreement(view, cut, most_images)
    filename = filename or f"{view.id}-compact{kind.suffix}"
    network = cut.small
    lines = kind.lines(view.config.network.name, cut.selects, filename)
    figures = cut.figures()
    card = model_card(view, figures, cut.own, kind, filename, lines)
    header = {
        "network": view.config.network.name,
        "widths": json.dumps(figures["widths"]),
        "kept": json.dumps(dict(zip(figures["layers"], figures["kept"], strict=True))),
        "choice": cut.choice,
        "run": view.id,
        "sbp": __version__,
        "config": json.dumps(json.loads(view.config.to_json())),
        "card": card,
    }
    return Exported(filename, BYTES_OF[format](network, header), card, cut, checked)
