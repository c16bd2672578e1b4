"""The command that repeats a run, with every setting written out."""

from __future__ import annotations

import shlex
from typing import Any

from sbp.spec.errors import ConfigError
from sbp.spec.fields import run_fields
from sbp.spec.run import RunConfig

_NAMED = ("network", "dataset")  # have places of their own on the command line


def train_command(config: RunConfig) -> list[str]:
    """The words of `python -m sbp train` that describe `config`, defaults included.

    A default that changes in a later version does not change what they mean.

    Args:
        config: of a run that this project trains.

    Returns:
        The words, unquoted: for `subprocess.run`, or for a shell through `shlex.join`.

    Raises:
        ConfigError: the run was tracked from another training loop, which no command can repeat.

    >>> words = train_command(RunConfig.flat(dataset="digits", lr=0.01))
    >>> words[:8], "lr=0.01" in words
    (['python', '-m', 'sbp', 'train', 'lenet-500-300', '--data', 'digits', '--preset'], True)
    """
    if config.tracked:
        raise ConfigError("Expected a run of `python -m sbp train`, got one of another loop: run that loop again.")
    words = ["python", "-m", "sbp", "train", config.network.name, "--data", config.data.dataset, "--preset", "custom"]
    for name, field in run_fields().items():
        if name not in _NAMED and (not field.methods or config.method.name in field.methods):
            words += ["--set", f"{name}={_text(config.value(name))}"]
    return words


def train_script(config: RunConfig, note: str) -> str:
    r"""A shell script that repeats a run.

    Args:
        config: of the run.
        note: what the script repeats; it becomes a comment of one line.

    Raises:
        ConfigError: as `train_command`.

    >>> print(*train_script(RunConfig(), "A run\nof mine").splitlines()[:3], sep="\n")
    #!/bin/sh
    # A run of mine
    python -m sbp train lenet-500-300 --data mnist --preset custom \
    """
    words = map(shlex.quote, train_command(config))
    command = " ".join(f"\\\n  {word}" if word == "--set" else word for word in words)
    return f"#!/bin/sh\n# {' '.join(note.split())}\n{command}\n"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
