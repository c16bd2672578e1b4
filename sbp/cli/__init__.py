"""The command line: the same verbs, on the same store, as the app. python -m sbp --help."""

from __future__ import annotations

from sbp.cli.app import app

__all__ = ["app"]
