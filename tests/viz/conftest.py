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


@pytest.fixture
def nothing(tmp_path: Any) -> tables.RunTables:
    """Tables of a run whose network is not built yet."""
    from sbp.runs import store
    from tests.made_up import config

    folder = store.create(config(), tmp_path)
    folder.close()
    return tables.tables(store.open_run(folder.id, tmp_path))
