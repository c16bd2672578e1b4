"""Measured speed as a table: dense, masked and compact, a row a batch size; and as a sentence."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sbp.paper import HARDWARE, PaperRow

VARIANTS = ("dense", "masked", "compact")


class BadSpeed(ValueError):
    """What the folder holds is no measurement; the message says what to do."""


def measurements(value: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The measurements of speed.json, the newest of each device last; raises `BadSpeed` with a sentence."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    try:
        for found in (value or {"measurements": []})["measurements"]:
            table(found)
            newest.pop(key := (str(found["device"]), str(found["hardware"])), None)
            newest[key] = found
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadSpeed(f"speed.json does not hold measurements ({str(error)[:120]}).") from None
    return list(newest.values())


def table(measured: dict[str, Any]) -> pd.DataFrame:
    """A row a batch size and variant: batch, network, median and spread in ms, microseconds an image, times as fast.

    The spread is the interquartile range; "times as fast" compares with dense at the same batch size.
    """
    rows = []
    for batch in sorted({int(row["batch"]) for row in measured["rows"]}):
        by_name = {str(row["variant"]): row for row in measured["rows"] if int(row["batch"]) == batch}
        for variant in VARIANTS:
            if variant in by_name:
                dense = float(by_name["dense"]["median_seconds"])
                median, spread = (float(by_name[variant][name]) for name in ("median_seconds", "iqr_seconds"))
                rows.append({
                    "batch": batch, "network": variant, "median, ms": 1e3 * median, "IQR, ms": 1e3 * spread,
                    "µs an image": 1e6 * median / batch, "times as fast": dense / median,
                    "n": int(by_name[variant]["n"]),
                })  # fmt: skip
    if not rows:
        raise ValueError("no rows")
    return pd.DataFrame(rows)


def sentence(measured: dict[str, Any]) -> str:
    """Where the compact network gains, and where it does not."""
    compact = table(measured).query("network == 'compact'")
    said = [f"{row[6]:.1f}× at batch {row[1]}" for row in compact.itertuples()]
    slow = [str(row[1]) for row in compact.itertuples() if row[6] < 1.05]
    rest = f" Batch {', '.join(slow)}: no gain, other costs than MACs decide there." if slow else ""
    return f"The compact network is {', '.join(said)} as fast as dense.{rest}"


def where(measured: dict[str, Any]) -> str:
    """Device, hardware, threads, moment."""
    threads = measured.get("threads")
    parts = [str(measured["device"]).upper(), str(measured["hardware"])]
    if threads:
        parts.append(f"{threads} thread{'s' if threads != 1 else ''}")
    return ", ".join(dict.fromkeys(parts))


def paper_sentence(rows: tuple[PaperRow, ...]) -> str:
    """The paper's own speed-ups of its method, with its hardware."""
    for row in rows:
        if row.method == "SBP":
            return (
                f"The paper: {row.cpu:g}× on its CPU ({HARDWARE['cpu']}) and {row.gpu:g}× on its GPU "
                f"({HARDWARE['gpu']}), batch size not stated."
            )
    return ""
