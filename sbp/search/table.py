"""The table of a search: a row a configuration, as a file that pages read while the search goes on. No torch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbp.runs.files import replace_bytes
from sbp.runs.models import PlainName, told
from sbp.runs.names import is_name
from sbp.runs.plain_files import LARGE, BadFile, read_plain
from sbp.runs.roots import recorded_root, runs_root
from sbp.spec.ranges import AtLeast0, Count, Percent

FOLDER = "searches"
Value = bool | int | float | Annotated[str, Field(max_length=200)] | None
Outcome = Literal["running", "finished", "pruned", "failed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class Row(_Part):
    """A configuration: the fields that were searched, the runs by seed, and what they came to at an epoch.

    error_percent and macs are means over the seeds, of the pruned network after `epoch`; None before all have one.
    """

    number: Count
    state: Outcome
    values: dict[PlainName, Value]
    epoch: Count = 0
    error_percent: Percent | None = None
    macs: AtLeast0 | None = None
    runs: dict[str, Annotated[str, Field(max_length=200)]] = {}
    said: Annotated[str, Field(max_length=1000)] = ""


class SearchTable(_Part):
    """A search so far. runs: how many its budget allows."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,29}$")]
    fields: Annotated[list[PlainName], Field(min_length=1, max_length=20)]
    seeds: list[int]
    runs: Count
    sampler: PlainName
    pruner: PlainName
    network: PlainName
    dataset: PlainName
    hardware: Annotated[str, Field(max_length=200)] = ""
    rows: Annotated[list[Row], Field(max_length=1_000_000)] = []

    @property
    def best(self) -> Row | None:
        """The finished one with the least held-out error; of equals the one with fewer MACs, then the first."""
        ended = [row for row in self.rows if row.state == "finished" and row.error_percent is not None]
        return min(ended, key=lambda row: (row.error_percent, row.macs, row.number), default=None)

    def plain_rows(self) -> list[dict[str, Any]]:
        """The rows without what differs from one launcher or day to the next: the ids of their runs."""
        keys = ("epoch", "error_percent", "macs")
        return [
            {"trial": row.number, **row.values, "state": row.state, **{key: getattr(row, key) for key in keys}}
            for row in self.rows
        ]

    def csv(self) -> str:
        """The same as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, ["trial", *self.fields, "state", "epoch", "error_percent", "macs"])
        writer.writeheader()
        writer.writerows(self.plain_rows())
        return text.getvalue()

    def json(self) -> str:  # type: ignore[override]
        """The same as JSON, with what the search was."""
        return json.dumps({**self.model_dump(exclude={"rows", "hardware"}), "rows": self.plain_rows()}, indent=1) + "\n"

    def write(self, root: Path | None = None) -> None:
        """Replaces the search's file in the folder of runs."""
        path = path_of(self.name, root)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, f"{self.model_dump_json()}\n".encode(), durable=False)


def path_of(name: str, root: Path | None = None) -> Path:
    """Where a search's file is."""
    return (root or runs_root()) / FOLDER / f"{name}.json"


def read_table(path: Path) -> SearchTable:
    """A search from its file; raises `BadFile` with a sentence where it holds something else."""
    content = read_plain(path, LARGE)
    try:
        return SearchTable.model_validate_json(content)
    except ValidationError as error:
        raise BadFile(f"{path.name} in {path.parent} does not hold a search: {told(error)}.") from None


def searches() -> dict[str, Path]:
    """The files of all searches by name, those of one's own first, the newest first; then those that ship."""
    return {path.stem: path for path in (*_files(recorded_root().parent / FOLDER), *_files(runs_root() / FOLDER))[::-1]}


def _files(folder: Path) -> Iterator[Path]:
    found = [path for path in folder.glob("*.json") if is_name(path.stem)]
    return iter(sorted(found, key=lambda path: path.lstat().st_mtime))
