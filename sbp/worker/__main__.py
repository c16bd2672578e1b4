"""Runs a worker: python -m sbp.worker RUN_FOLDER ..."""

import sys

from sbp.machine.memory import keep_freed_memory
from sbp.worker.worker import main

if len(sys.argv) < 2:
    sys.exit("Expected the folder of a run, or several: python -m sbp.worker RUN_FOLDER ...")
keep_freed_memory()
sys.exit(main(*sys.argv[1:]))
