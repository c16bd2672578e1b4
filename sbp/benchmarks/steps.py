"""`bench step` and `bench train`: what the noise adds to a step of training and to a whole run.

The yardstick is always the same network with the same optimiser and no noise, in the same call.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import torch

from sbp.benchmarks.timing import Line, Report, in_turns, line, report
from sbp.data import datasets
from sbp.data.datasets import Split
from sbp.machine.devices import describe
from sbp.methods.registry import method_for
from sbp.spec import RunConfig
from sbp.spec.networks import SPECS, description_of
from sbp.spec.presets import preset_config
from sbp.spec.records import Record
from sbp.training.loop import Training
from sbp.training.schedule import PhaseSchedule
from sbp.training.stepper import Stepper

# What is asked of a step, as times the yardstick, by network, batch and device.
REACH = {
    ("lenet-5-caffe", 128, "cuda"): 1.15,
    ("lenet-5-caffe", 1000, "cuda"): 1.08,
    ("lenet-500-300", 128, "cuda"): 1.3,
    ("lenet-500-300", 128, "cpu"): 1.35,
    ("lenet-5-caffe", 128, "cpu"): 1.05,
}
NETWORKS = ("lenet-500-300", "lenet-5-caffe")
# Steps between two looks at the clock: on a GPU enough that the wait for it does not count.
STEPS = {"cpu": 1, "cuda": 100, "mps": 20}
YARDSTICK = "the same without noise"


def measure(
    device: str,
    batches: tuple[int, ...],
    rounds: int,
    tell: Callable[[float], None] | None = None,
    networks: Sequence[str] = NETWORKS,
) -> Report:
    """A step of each network at each batch size on made-up images, with the noise as initialised."""
    lines: list[Line] = []
    cases = [(network, batch) for network in networks for batch in batches]
    for done, (network, batch) in enumerate(cases, 1):
        lines.append(_step(network, batch, device, rounds))
        if tell:
            tell(done / len(cases))
    return dataclasses.replace(_empty("step", device), lines=tuple(lines))


def train(network: str, preset: str, device: str, dataset: str, seed: int = 0, shrink_after: int = 0) -> Report:
    """A preset's whole training, its evaluations included, and the same epochs without noise, in turns epoch by epoch.

    shrink_after: above 0, a third training that cuts out what has been removed for so many epochs, beside the first.
    """
    config = preset_config(network, preset, dataset=dataset, device=device, seed=seed)
    if shrink_after:
        config = config.replace(shrink_after=0)
    configs = [config.replace(method="original", kl_weights=(), shrink_after=0), config]
    if shrink_after:
        configs.append(config.replace(shrink_after=shrink_after))
    (bare, _), (took, said), *more = _trained(configs, datasets.load(dataset))
    what = f"{network}, {preset}"
    lines, remarks = [line(what, "s", [took], YARDSTICK, [bare])], [f"{network}, preset {preset}, {dataset}, {said}"]
    for shrinking, said in more:
        lines.append(line(f"{what}, shrinking", "s", [shrinking], "the same without shrinking", [took]))
        remarks.append(f"The same, units cut out once removed for {shrink_after} epochs, {said}")
    return dataclasses.replace(_empty("train", device), lines=tuple(lines), remarks=tuple(remarks))


def _trained(configs: Sequence[RunConfig], source: datasets.Dataset) -> list[tuple[float, str]]:
    """Seconds of each whole training, and what it came to: a machine that slows down slows all of them."""
    events = [Training(config, source).events() for config in configs]
    seconds = [0.0] * len(configs)
    last: dict[int, Record] = {}
    going = set(range(len(configs)))
    while going:
        for at in sorted(going):
            begun = time.perf_counter()
            record = next((event for event in events[at] if isinstance(event, Record)), None)
            seconds[at] += time.perf_counter() - begun
            if record is None:
                going.remove(at)
            else:
                last[at] = record
    return [(took, _said(config, last[at])) for at, (took, config) in enumerate(zip(seconds, configs, strict=True))]


def _said(config: RunConfig, last: Record) -> str:
    dense = description_of(config.network).dense_macs()
    fewer = f"{dense / last.macs:.1f}x fewer MACs" if last.macs else "nothing kept"
    error = f"{last.validation_error_percent:.2f} % held-out error"
    return f"seed {config.seed}: {error}, {fewer}; the test set is not read."


def _empty(name: str, device: str) -> Report:
    return dataclasses.replace(report(name, ("torch", "numpy")), hardware=describe(device))


def _step(network: str, batch: int, device: str, rounds: int) -> Line:
    steps = STEPS[device]
    things = {
        what: _stepping(RunConfig.flat(network=network, method=method, batch_size=batch, device=device), steps)
        for what, method in ((YARDSTICK, "original"), ("sbp", "sbp"))
    }
    times = {name: [value / steps for value in values] for name, values in in_turns(things, rounds).items()}
    reach = REACH.get((network, batch, device))
    what = f"{network}, batch {batch:,}" + (f" (to reach: {reach:g}x)" if reach else "")
    return line(what, "ms", times["sbp"], YARDSTICK, times[YARDSTICK], paired=True)


def _stepping(config: RunConfig, steps: int) -> Callable[[], None]:
    """So many steps on made-up images, up to the device's last word."""
    device = torch.device(config.device)
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(config.optimisation.batch_size * 4, *SPECS[config.network.name].image, generator=draw).to(device)
    y = torch.randint(0, 10, (len(x),), generator=draw).to(device)
    method = method_for(config.method, config.network, config.noise)
    network = method.build().to(device)
    split = Split(x, y, x[:0], y[:0], x[:0], y[:0])
    generator = torch.Generator(device).manual_seed(0)
    stepper = Stepper(network, method, split, generator, config.optimisation, config.schedule, config.data)
    stepper.start("sbp")
    factors, strengths = map(torch.tensor, PhaseSchedule(config.schedule, 4).epoch_schedule(0, "sbp"))
    order = torch.arange(len(x), device=device)

    def run() -> None:
        for step in range(steps):
            if step % 4 == 0:
                stepper.begin_epoch(order, factors, strengths, at=0)
            stepper.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        elif device.type == "mps":
            torch.mps.synchronize()

    return run
