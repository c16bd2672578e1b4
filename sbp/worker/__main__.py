"""Runs a worker: python -m sbp.worker RUN_FOLDER ..."""

import sys

from sbp.worker.worker import main

if len(sys.argv) < 2:
    sys.exit("Expected the folder of a run, or several: python -m sbp.worker RUN_FOLDER ...")
sys.exit(main(*sys.argv[1:]))
