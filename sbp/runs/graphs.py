"""The graph by which a run's network is computed: shipped with the code, in the run's folder, or made once. No torch.

A graph holds no weights, so one is enough for a network at its own widths. For others it is made in a process of its
own, which brings torch and takes some seconds, and kept: in the run's folder, or for a recorded run under
`runs_root()/.graphs/`.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sbp.runs.filenames import GRAPH, KEPT_GRAPH
from sbp.runs.plain_files import MEGABYTE, BadFile, read_plain
from sbp.runs.roots import runs_root
from sbp.spec.graph import shipped_of
from sbp.spec.networks import SPECS

if TYPE_CHECKING:
    from sbp.runs.view import RunView

OWN_FOLDER = ".graphs"
# Dense MACs from which a page computes the kept units alone: below, 1,000 images take less than a second on two cores.
MANY_MACS = 50_000_000
MOST = 64 * MEGABYTE  # of a graph's file: those of the networks here have some 40 kB


def graph_of(view: RunView) -> bytes:
    """The graph of a run's network; raises ValueError with a sentence where it cannot be made."""
    network = view.config.network
    shipped = shipped_of(network.name, network.widths)
    if shipped is not None:
        return shipped
    return _read_or_make(view.folder / GRAPH, _own(view), network.name, network.widths)


def kept_graph_of(view: RunView, widths: tuple[int, ...]) -> bytes:
    """The graph of a finished run's network at the widths that it keeps: in its folder, or made once."""
    name = view.config.network.name
    # Named after all that it depends on: the kept widths of a run change while it trains, and with another recording.
    own = runs_root() / OWN_FOLDER / f"{name}-{'-'.join(map(str, widths))}.onnx"
    return _read_or_make(view.folder / KEPT_GRAPH, own, name, widths)


def _read_or_make(path: Path, own: Path, name: str, widths: tuple[int, ...]) -> bytes:
    """The graph in a run's folder, else the one made here before, else one made now."""
    for place in (path, own):
        with contextlib.suppress(BadFile):
            return read_graph(place)
    make_graph(name, widths, own)
    return read_graph(own)


def read_graph(path: Path) -> bytes:
    """The bytes of a graph's file; raises `BadFile` for one that is no plain file or too large to be one."""
    return read_plain(path, MOST)


def make_graph(name: str, widths: tuple[int, ...], path: Path) -> None:
    """Has a process of its own write the graph of a network at these widths; raises ValueError with its last words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "sbp.export.graph", name, ",".join(map(str, widths)), str(path)]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=600, check=False
    )
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        raise ValueError(f"The graph of {SPECS[name].title} could not be made: {last}.")


def _own(view: RunView) -> Path:
    if not view.recorded:
        return view.folder / GRAPH
    return runs_root() / OWN_FOLDER / f"{view.id}.onnx"
