"""One made-up run of each network for all tests of the figures."""

from __future__ import annotations

from typing import Any

import pytest

from sbp.viz import tables
from tests.made_up import write_run


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Views of finished runs by network."""
    root = tmp_path_factory.mktemp("viz-runs")
    return {name: write_run(root, network=name) for name in ("lenet-500-300", "lenet-5-caffe")}


@pytest.fixture
def found(runs: dict[str, Any]) -> tables.RunTables:
    """Tables of LeNet-500-300."""
    return tables.tables(runs["lenet-500-300"])


@pytest.fixture
def caffe(runs: dict[str, Any]) -> tables.RunTables:
    """Tables of LeNet-5-Caffe."""
    return tables.tables(runs["lenet-5-caffe"])


@pytest.fixture(scope="session")
def early_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of LeNet-500-300 with snapshots after steps 3, 6 and 9 of the 12 of its first epoch."""
    return write_run(tmp_path_factory.mktemp("early"), early=True)


@pytest.fixture
def early(early_run: Any) -> tables.RunTables:
    """Its tables."""
    return tables.tables(early_run)


@pytest.fixture
def nothing(tmp_path: Any) -> tables.RunTables:
    """Tables of a run whose network is not built yet."""
    from sbp.runs import store
    from tests.made_up import config

    folder = store.create(config(), tmp_path)
    folder.close()
    return tables.tables(store.open_run(folder.id, tmp_path))
