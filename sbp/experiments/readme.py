"""What README and docs take from the recorded results: `python -m sbp.experiments.readme` brings it up to date.

A table stands between `<!-- table: EXPERIMENT NETWORK DATASET -->` and `<!-- end of table -->`; without DATASET it has
the rows of every data set. A claim stands between `<!-- recorded: NAME -->` and `<!-- end of recorded -->`
(`sbp.experiments.claims`). No torch.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sbp.experiments import claims, report
from sbp.experiments.results import Table, recorded
from sbp.experiments.table_rows import lines_of
from sbp.runs.files import replace_bytes

# The columns that a page has room for; elsewhere it has all that `reproduce` prints.
LEFT_OUT = {
    "table-1": ("s per run",),
    "kl-warmup": ("s per run",),
    "table-2": ("units kept", "trained on"),
    "torch-pruning": ("CPU", "GPU", "s per run"),
}
# The rows that come first, as the experiment's subject; the others follow in the plan's order.
FIRST = {"table-1": ("sbp", "sbp-small", "sbp-frontier-1", "sbp-frontier-2", "sbp-plain")}
FILES = ("README.md", "docs/measured.md", "docs/reproducing.md")
_CLAIM = re.compile(r"<!-- recorded: (\S+) -->\n.*?<!-- end of recorded -->", re.DOTALL)
_TABLE = re.compile(r"<!-- table: (\S+) (\S+)(?: (\S+))? -->\n.*?<!-- end of table -->", re.DOTALL)


def refreshed(text: str, results: Path | None = None) -> str:
    """The text with each of its marked tables and claims rewritten from the recorded results.

    Args:
        text: Markdown with tables and claims between their marks; anything else stays.
        results: the folder of the recorded results, by default the one that ships with the code.

    Raises:
        NoResults: for a table or claim whose results are not recorded.

    >>> refreshed("No table.")
    'No table.'
    """

    def written(found: re.Match[str]) -> str:
        mark = found[0].partition("\n")[0]
        experiment, network, dataset = found.groups()
        return f"{mark}\n{table_of(experiment, network, dataset, results)}\n<!-- end of table -->"

    def claimed(found: re.Match[str]) -> str:
        return f"<!-- recorded: {found[1]} -->\n{claims.block(found[1])}\n<!-- end of recorded -->"

    return _CLAIM.sub(claimed, _TABLE.sub(written, text))


def table_of(experiment: str, network: str, dataset: str | None = None, results: Path | None = None) -> str:
    """One network's table of an experiment in Markdown, the paper's rows in italics.

    dataset: the rows of one data set alone.

    Raises:
        NoResults: where none is recorded.
    """
    table = recorded(experiment, results)
    columns = [column for column in report.columns_of(experiment) if column.title not in LEFT_OUT.get(experiment, ())]
    first = FIRST.get(experiment, ())
    of_network = [row for row in table.of(network) if dataset in (None, row.dataset)]
    rows = sorted(of_network, key=lambda row: first.index(row.key) if row.key in first else len(first))
    return report.rows_of(lines_of(Table(experiment, tuple(rows))), columns)


def main(*paths: str) -> None:
    """Brings the tables and claims of files up to date."""
    for path in paths or FILES:
        file = Path(path)
        replace_bytes(file, refreshed(file.read_text(encoding="utf-8")).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
