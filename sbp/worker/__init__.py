"""The process that trains: python -m sbp.worker RUN_FOLDER ..."""
