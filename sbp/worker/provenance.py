"""Which code trains a run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def code_version() -> str | None:
    """The commit of the code that trains, "+" where files differ from it.

    Where git cannot tell, as in a container without the repository, it is what $SBP_COMMIT says; None without that.
    """
    root, told = Path(__file__).resolve().parents[2], os.environ.get("SBP_COMMIT") or None
    if not (root / ".git").exists():
        return told

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return told
