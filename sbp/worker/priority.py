"""How much of a core a training has beside other work."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

# Beside a job of the usual niceness, 0, a training has 39 % of a core (a niceness of 19 leaves it 3 %).
NICENESS = "2"


def lower_priority() -> None:
    """Lets the pages' server go first: `nice` does nothing across sessions, the session's autogroup does.

    Only in a session of the worker's own: in a shell's, all that the shell starts from then on would wait too.
    """
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # no autogroups here (macOS, some containers)
            Path("/proc/self/autogroup").write_text(NICENESS)
