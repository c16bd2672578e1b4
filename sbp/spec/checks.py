"""What several sections of a config must agree on."""

from __future__ import annotations

from sbp.spec.data import DATASETS, DataConfig
from sbp.spec.errors import ConfigError
from sbp.spec.images import IMAGES, by
from sbp.spec.method import METHOD_CONFIGS, METHODS, NOISE_METHODS, MethodConfig, SBPaConfig, TorchPruningConfig
from sbp.spec.network import NetworkConfig
from sbp.spec.networks import OWN, SPECS, description_of
from sbp.spec.noise import ELEMENT, EXAMPLE, NoiseConfig
from sbp.spec.optimisation import OptimisationConfig
from sbp.spec.schedule import ScheduleConfig


def fits(network: str, dataset: str) -> bool:
    """Whether a network reads images of this data set's shape.

    >>> fits("lenet-5-caffe", "digits"), fits("lenet-5-caffe", "cifar-10")
    (True, False)
    """
    if OWN in (network, dataset):
        return network == dataset
    return SPECS[network].image == IMAGES[dataset].shape


def check_dataset(network: NetworkConfig, data: DataConfig) -> None:
    """Raises `ConfigError` when the network does not read images of this shape."""
    if fits(network.name, data.dataset):
        return
    if OWN in (network.name, data.dataset):
        sentence = f"expected {OWN!r} with the network {OWN!r} and with no other, got {data.dataset!r}."
        raise data.wrong("dataset", sentence)
    others = ", ".join(name for name in DATASETS if fits(network.name, name)) or "none yet"
    raise data.wrong(
        "dataset",
        f"expected one with images of {by(SPECS[network.name].image)} for {network.name} ({others}), "
        f"got {data.dataset!r}, whose images are {IMAGES[data.dataset].by}.",
    )


def check_kl_weights(network: NetworkConfig, method: MethodConfig) -> None:
    """Raises `ConfigError` unless there is one weight of at least 0 for each noise layer, or none at all."""
    if not isinstance(method, SBPaConfig) or not method.kl_weights or network.name == OWN:
        return
    layers = len(description_of(network).groups)
    if len(method.kl_weights) != layers or min(method.kl_weights) < 0:
        got = list(method.kl_weights)
        raise method.wrong("kl_weights", f"expected {layers} numbers of at least 0, one per noise layer, got {got}.")


def check_method(network: NetworkConfig, method: MethodConfig) -> None:
    """Raises `ConfigError` when a method that removes single weights is to train a network that is no chain of layers.

    Which units are removed is found by following weights from layer to layer, and sums of layers are not followed.
    """
    if method.on_weights and (network.name == OWN or not SPECS[network.name].is_chain):
        others = ", ".join(name for name in METHODS if not METHOD_CONFIGS[name].on_weights)
        raise method.wrong(
            "name",
            f"expected a method that removes whole units ({others}) for {network.name}, whose layers are no chain, got "
            f"{method.name}, which removes single weights.",
        )


def check_fine_tuning(schedule: ScheduleConfig, method: MethodConfig) -> None:
    """Raises `ConfigError` when a method that prunes as fine-tuning begins is to do none."""
    if isinstance(method, TorchPruningConfig) and not schedule.finetune_epochs:
        raise ConfigError.of(
            "schedule.finetune_epochs", f"expected above 0 with method {method.name}, which prunes when it begins."
        )


def check_pixels(network: NetworkConfig, method: MethodConfig) -> None:
    """Raises `ConfigError` when pixels are to have noise by a method whose units have none."""
    if network.pixels and not method.has_noise:
        raise network.wrong(
            "pixels",
            f"expected false with method {method.name}, whose units have no noise; it is for "
            f"{', '.join(NOISE_METHODS)}.",
        )


def check_shrinking(schedule: ScheduleConfig, method: MethodConfig) -> None:
    """Raises `ConfigError` when a method whose units have no SNR is to shrink the network in training."""
    if schedule.shrink_after and not method.has_noise:
        raise ConfigError.of(
            "schedule.shrink_after",
            f"expected 0 with method {method.name}, whose units have no SNR to go by; it is for "
            f"{', '.join(NOISE_METHODS)}.",
        )


def check_theta(noise: NoiseConfig, network: NetworkConfig, method: MethodConfig, compiled: bool) -> None:
    """Raises `ConfigError` when theta is to be drawn for what this method or network has none of."""
    if noise.theta_per == EXAMPLE:
        return
    if not method.has_noise:
        raise noise.wrong(
            "theta_per",
            f"expected example with method {method.name}, whose units have no noise; it is for "
            f"{', '.join(NOISE_METHODS)}.",
        )
    if noise.theta_per != ELEMENT:
        return
    if network.name == OWN or not SPECS[network.name].is_chain or compiled:
        what = "is compiled" if compiled else "is no chain of layers, each read by one other"
        raise noise.wrong("theta_per", f"expected example or minibatch with {network.name}, which {what}, got element.")
    if all(group.kind != "channel" for group in description_of(network).groups):
        raise noise.wrong(
            "theta_per", f"expected example or minibatch with {network.name}: its units have one element per example."
        )


def check_pretraining(
    optimisation: OptimisationConfig, schedule: ScheduleConfig, network: NetworkConfig, method: MethodConfig
) -> None:
    """Raises `ConfigError` when there is to be a teacher, or dropout before the noise, and no pretraining for it; and
    when dropout finds no neurons."""
    if optimisation.distillation and not schedule.pretrain_epochs:
        raise optimisation.wrong(
            "distillation", "expected 0 without pretraining, which makes the teacher; set pretrain_epochs above 0."
        )
    if not optimisation.pretrain_dropout:
        return
    if not schedule.pretrain_epochs:
        raise optimisation.wrong("pretrain_dropout", "expected 0 without pretraining; set pretrain_epochs above 0.")
    if network.name != OWN and all(group.kind != "neuron" for group in description_of(network).groups):
        raise optimisation.wrong(
            "pretrain_dropout", f"expected 0 with {network.name}, which has no hidden dense neurons to drop."
        )
    if method.on_weights:
        raise optimisation.wrong(
            "pretrain_dropout", f"expected 0 with {method.name}, whose noise is on single weights."
        )
