"""Rows are called what their method is called, in plans and in recorded tables."""

from __future__ import annotations

import pytest

from sbp.experiments.plans import PLANS
from sbp.experiments.results import NoResults, recorded
from sbp.spec.method import METHODS, method_title


@pytest.mark.parametrize("name", [name for name, plan in PLANS.items() if plan.methods])
def test_a_row_of_methods_begins_with_its_methods_title(name: str) -> None:
    titles = set(map(method_title, METHODS))
    assert [row.label for row in PLANS[name].rows if row.label.split(", ")[0] not in titles] == []


@pytest.mark.parametrize("name", PLANS)
def test_a_recorded_row_has_its_plans_label(name: str) -> None:
    try:
        rows = recorded(name).rows
    except NoResults:
        pytest.skip("Not recorded.")
    planned = {(row.network, row.key): row.label for row in PLANS[name].rows}
    assert {(row.network, row.key): row.label for row in rows}.items() <= planned.items()
