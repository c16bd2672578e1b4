"""The arrows of the house, as a table: who may import whom, and who may bring torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.imports import OURS, imports_of, modules_of, resolve

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Room:
    """Modules that belong together; "a.b.*" is the package and all in it that has no room of its own.

    may: the rooms they may import from, besides their own. torch: whether importing them may bring torch.
    alone: whether they must not import each other.
    """

    name: str
    modules: str
    may: str = ""
    torch: bool = False
    alone: bool = False


# From the ground up: a room may name only rooms that stand above it in this table, so arrows point one way.
ROOMS = (
    Room(
        "facts",
        "sbp sbp.spec.* sbp.images sbp.records sbp.paper sbp.published sbp.presets sbp.kl_scaling "
        "sbp.networks.specs sbp.networks.wiring",
    ),
    Room("moments", "sbp.distributions.moments"),
    Room("noise", "sbp.distributions.*", "moments", torch=True),
    Room("layer", "sbp.layer sbp.gates", "noise moments", torch=True),
    Room("layout", "sbp.noise.layout", torch=True),
    Room("any-network", "sbp.noise.*", "layout noise moments", torch=True),
    Room("any-compact", "sbp.compaction.*", "any-network layout", torch=True),
    Room("networks", "sbp.networks.*", "layer facts", torch=True),
    Room("attribution", "sbp.attribution", "networks layer facts", torch=True),
    Room("objective", "sbp.objective sbp.units", "layer noise moments facts", torch=True),
    Room("data", "sbp.data sbp.data_sources sbp.data_download sbp.data_pictures sbp.data_cifar", "facts"),
    Room("devices", "sbp.devices sbp.ranks", "facts"),
    Room(
        "masks",
        "sbp.pruning.masks sbp.pruning.cost sbp.pruning.scores sbp.pruning.bmrs sbp.pruning.by_hand",
        "moments facts",
    ),
    Room("methods", "sbp.methods.*", "objective masks networks layer noise moments facts", torch=True),
    Room("plain", "sbp.networks.plain sbp.networks.ends", "masks moments facts"),
    Room("formats", "sbp.pruning.formats", "facts"),
    Room("compact", "sbp.pruning.* sbp.ensemble", "formats masks networks layer devices facts", torch=True),
    Room(
        "training",
        "sbp.training sbp.stepper sbp.augmentation sbp.checkpoint sbp.clock sbp.divergence sbp.evaluation sbp.forecast "
        "sbp.optimiser sbp.reporting sbp.schedule sbp.sharing sbp.shrinking",
        "objective methods networks layer noise moments data devices masks facts",
        torch=True,
    ),
    Room("store", "sbp.runs.*", "facts"),
    Room("launcher", "sbp.runs.launcher sbp.runs.slots sbp.runs.measuring", "store facts"),
    Room(
        "worker",
        "sbp.runs.worker sbp.runs.pack sbp.runs.endings sbp.runs.ranked",
        "launcher store training compact data devices facts",
    ),
    Room("viz", "sbp.viz.*", "masks moments facts"),
    Room("experiments", "sbp.experiments.*", "viz launcher store masks moments facts"),
    Room("timing", "sbp.experiments.timing", "experiments compact networks masks facts", torch=True),
    Room("export", "sbp.pruning.export sbp.pruning.card", "viz store compact formats facts"),
    Room("benchmarks", "sbp.benchmarks.*", "store training methods noise moments data devices facts", torch=True),
    Room(
        "shell",
        "sbp.cli.* sbp.__main__",
        "benchmarks timing experiments export worker launcher store training attribution compact networks masks "
        "moments viz data devices facts",
    ),
    Room("parts", "pages.parts.*", "experiments export launcher store viz plain masks moments data devices facts"),
    Room(
        "pages",
        "pages.*",
        "parts experiments export launcher store viz plain masks moments data devices facts",
        alone=True,
    ),
    Room("app", "app", "parts"),
)
BRINGS_TORCH = ("torch", "captum", "safetensors.torch")


def room_of(module: str) -> Room | None:
    """The room of a module: the one that names it, else the one that names the nearest package around it."""
    by_pattern = {pattern: room for room in ROOMS for pattern in room.modules.split()}
    if module in by_pattern:
        return by_pattern[module]
    parts = module.split(".")
    packages = (".".join(parts[:n]) + ".*" for n in range(len(parts), 0, -1))
    return next((by_pattern[package] for package in packages if package in by_pattern), None)


def wrong_arrows(root: Path) -> list[str]:
    """A sentence for every import under `root` that the table does not allow."""
    modules = modules_of(root)
    problems = []
    for module, path in modules.items():
        room = room_of(module)
        if room is None:
            problems.append(f"{module} has no room in the table of tests/test_layering.py.")
            continue
        for imported in imports_of(module, path):
            where = f"{path.relative_to(root)}:{imported.line}"
            if imported.top == "streamlit" and module.startswith("sbp"):
                problems.append(f"{where}: the library imports no Streamlit.")
            if imported.top not in OURS:
                continue
            target = resolve(imported, modules)
            if target == "sbp" and imported.name not in ("", "__version__"):
                problems.append(
                    f"{where}: {imported.name} is to be imported from its own module, not from sbp."
                )
            other = room_of(target)
            if other is None:
                problems.append(f"{where}: {target} has no room in the table of tests/test_layering.py.")
            elif other == room:
                if room.alone:
                    problems.append(
                        f"{where}: {module} must not import {target}; what pages share is in parts."
                    )
            elif other.name not in room.may.split():
                problems.append(f"{where}: {module} ({room.name}) must not import {target} ({other.name}).")
        if not room.torch and (chain := way_to_torch(module, modules)):
            problems.append(f"{module} brings torch by {' → '.join(chain)}.")
    return problems


def way_to_torch(module: str, modules: dict[str, Path]) -> list[str] | None:
    """The chain of imports, carried out on import, by which a module brings torch; None when it does not."""
    seen: set[str] = set()

    def search(at: str) -> list[str] | None:
        seen.add(at)
        steps = [at.rpartition(".")[0]]  # importing a module imports the packages around it
        if at in modules:
            for imported in imports_of(at, modules[at]):
                named = (imported.target, f"{imported.target}.{imported.name}")
                brings = next(
                    (heavy for heavy in BRINGS_TORCH for n in named if f"{n}.".startswith(f"{heavy}.")), None
                )
                if imported.runs and brings:
                    return [at, brings]
                if imported.runs and imported.top in OURS:
                    steps.append(resolve(imported, modules))
        for step in steps:
            if step and step not in seen and (rest := search(step)):
                return [at, *rest]
        return None

    return search(module)


def test_the_table_points_one_way() -> None:
    names = [room.name for room in ROOMS]
    assert len(set(names)) == len(names)
    for place, room in enumerate(ROOMS):
        assert set(room.may.split()) <= set(names[:place]), f"{room.name} names a room that stands below it"


def test_every_import_follows_the_arrows() -> None:
    assert wrong_arrows(ROOT) == []


GOOD_HOUSE = {
    "app.py": "from pages.parts import server\n",
    "pages/gate.py": "import streamlit as st\nfrom pages.parts import frame\n",
    "pages/train.py": "",
    "pages/parts/frame.py": "from sbp.runs import store\nfrom sbp.viz import charts\n",
    "pages/parts/server.py": "import streamlit\n",
    "sbp/__init__.py": "",
    "sbp/spec/__init__.py": "from sbp.networks.specs import SPECS\n",
    "sbp/networks/__init__.py": "",
    "sbp/networks/specs.py": "",
    "sbp/networks/lenet.py": "import torch\nfrom sbp.layer import SBPLayer\n",
    "sbp/layer.py": "import torch\n",
    "sbp/runs/__init__.py": "",
    "sbp/runs/store.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n",
    "sbp/runs/worker.py": "def main():\n    from sbp.training import train\n",
    "sbp/training.py": "from sbp.spec import RunConfig\nimport torch\n",
    "sbp/viz/charts.py": "import altair\n",
}


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_a_good_house_has_no_wrong_arrow(tmp_path: Path) -> None:
    assert wrong_arrows(build(tmp_path, GOOD_HOUSE)) == []


@pytest.mark.parametrize(
    ("file", "planted", "complaint"),
    [
        (
            "sbp/spec/__init__.py",
            "from sbp.runs.store import runs_root",
            "sbp.spec (facts) must not import sbp.runs.store",
        ),
        (
            "sbp/runs/store.py",
            "def f():\n    import sbp.training",
            "sbp.runs.store (store) must not import sbp.training",
        ),
        (
            "sbp/training.py",
            "from sbp.runs import store",
            "sbp.training (training) must not import sbp.runs.store",
        ),
        (
            "sbp/layer.py",
            "from .networks.lenet import LeNet",
            "sbp.layer (layer) must not import sbp.networks.lenet",
        ),
        ("sbp/networks/lenet.py", "from .. import training", "must not import sbp.training (training)"),
        ("sbp/viz/charts.py", "import streamlit as st", "the library imports no Streamlit"),
        (
            "sbp/training.py",
            "def f():\n    from streamlit import cache_data",
            "the library imports no Streamlit",
        ),
        ("sbp/viz/charts.py", "import torch.nn", "sbp.viz.charts brings torch by sbp.viz.charts → torch"),
        (
            "sbp/runs/store.py",
            "from safetensors.torch import load_file",
            "sbp.runs.store → safetensors.torch",
        ),
        ("sbp/runs/store.py", "from safetensors import torch", "sbp.runs.store → safetensors.torch"),
        (
            "sbp/runs/__init__.py",
            "import torch",
            "sbp.runs.store brings torch by sbp.runs.store → sbp.runs → torch",
        ),
        ("sbp/networks/specs.py", "try:\n    import captum\nexcept ImportError:\n    pass", "specs → captum"),
        (
            "pages/parts/frame.py",
            "from pages import gate",
            "pages.parts.frame (parts) must not import pages.gate",
        ),
        (
            "pages/parts/frame.py",
            "import sbp.training",
            "pages.parts.frame (parts) must not import sbp.training",
        ),
        (
            "pages/gate.py",
            "import pages.train",
            "pages.gate must not import pages.train; what pages share is in parts",
        ),
        ("app.py", "from sbp.runs import store", "app (app) must not import sbp.runs.store"),
        ("pages/gate.py", "from sbp import load", "load is to be imported from its own module, not from sbp"),
        ("sbp/novelty.py", "", "sbp.novelty has no room in the table"),
    ],
)
def test_a_planted_wrong_arrow_is_seen(tmp_path: Path, file: str, planted: str, complaint: str) -> None:
    house = build(tmp_path, {**GOOD_HOUSE, file: f"{GOOD_HOUSE.get(file, '')}{planted}\n"})
    problems = wrong_arrows(house)
    assert any(complaint in problem for problem in problems), problems


LOOK = """
import importlib, json, os, random, sys, threading, warnings
import numpy
import rich.default_styles  # draws its own ids from random when it is imported

warnings.simplefilter("error")
def state():
    return random.getstate(), str(numpy.random.get_state()), dict(os.environ), threading.active_count()
before = state()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({
    "heavy": sorted({"torch", "streamlit"} & set(sys.modules)),
    "state changed": state() != before,
    "files made": os.listdir(),
    "device woken": "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized(),
}))
"""


def import_alone(modules: list[str], folder: Path) -> dict[str, object]:
    """Imports modules in a fresh process that stands in an empty folder, and says what that left behind."""
    command = [sys.executable, "-B", "-c", LOOK, *modules]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


UNTOUCHED = {"heavy": [], "state changed": False, "files made": [], "device woken": False}


def test_what_a_page_of_curves_imports_brings_neither_torch_nor_streamlit(tmp_path: Path) -> None:
    free = [
        name
        for name in modules_of(ROOT)
        if name.startswith("sbp") and (room := room_of(name)) and not room.torch
    ]
    free = [name for name in free if not name.endswith("__main__")]
    assert {"sbp", "sbp.spec", "sbp.runs.store", "sbp.distributions.moments", "sbp.data"} <= set(free)
    assert import_alone(free, tmp_path) == UNTOUCHED


def test_nothing_happens_on_import(tmp_path: Path) -> None:
    everything = [
        name for name in modules_of(ROOT) if name.startswith("sbp") and not name.endswith("__main__")
    ]
    assert import_alone(everything, tmp_path) == {**UNTOUCHED, "heavy": ["torch"]}
