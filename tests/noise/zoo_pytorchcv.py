"""Networks of the package pytorchcv by their authors' classes, narrow and for small images, without its weights.

requirements-zoo.txt says how it is installed: it asks for torchvision, which none of these needs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from torch import nn


def cv(module: str, name: str, *, pool: str = "", **config: Any) -> Callable[[], nn.Module]:
    """A builder of pytorchcv's class or function `name`; `pool` is a pooling of fixed size to make global."""

    def construct() -> nn.Module:
        model = getattr(importlib.import_module(f"pytorchcv.models.{module}"), name)(**config)
        if pool:
            parent, _, child = pool.rpartition(".")
            setattr(model.get_submodule(parent), child, nn.AdaptiveAvgPool2d(1))
        return model

    return construct


THREE_STAGES = [[8, 8], [16, 16], [32, 32]]
SMALL: dict[str, Any] = {"in_size": (32, 32), "num_classes": 10}

BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "resnet20": cv("resnet_cifar", "resnet20_cifar10"),
    "resnet-bottleneck": cv(
        "resnet_cifar",
        "CIFARResNet",
        pool="features.final_pool",
        channels=[[32, 32], [64, 64]],
        init_block_channels=16,
        bottleneck=True,
    ),
    "preresnet20": cv("preresnet_cifar", "preresnet20_cifar10"),
    "seresnet": cv(
        "seresnet_cifar",
        "CIFARSEResNet",
        channels=[[16, 16], [32, 32], [64, 64]],
        init_block_channels=16,
        bottleneck=False,
    ),
    "wrn": cv(
        "wrn_cifar", "CIFARWRN", pool="features.final_pool", channels=[[32, 32], [64, 64]], init_block_channels=16
    ),
    "pyramidnet": cv(
        "pyramidnet_cifar",
        "CIFARPyramidNet",
        pool="features.final_pool",
        channels=[[20, 24], [28, 32]],
        init_block_channels=16,
        bottleneck=False,
    ),
    "densenet": cv(
        "densenet_cifar",
        "CIFARDenseNet",
        channels=[[24, 32, 40], [28, 36, 44], [30, 38, 46]],
        init_block_channels=16,
        bottleneck=True,
    ),
    "resnext": cv(
        "resnext_cifar",
        "CIFARResNeXt",
        pool="features.final_pool",
        channels=[[32, 32], [64, 64]],
        init_block_channels=16,
        cardinality=4,
        bottleneck_width=8,
    ),
    "xception": cv(
        "xception",
        "Xception",
        pool="features.final_block.pool",
        channels=[[32], [64], [96] * 2, [1024]],
        num_classes=10,
    ),
    "mobilenet": cv(
        "mobilenet",
        "MobileNet",
        pool="features.final_pool",
        channels=[[8], [16], [32, 32], [64, 64]],
        first_stage_stride=False,
        **SMALL,
    ),
    "mobilenetv2": cv(
        "mobilenetv2",
        "MobileNetV2",
        pool="features.final_pool",
        channels=[[8], [12, 12], [16, 16, 24]],
        init_block_channels=8,
        final_block_channels=64,
        remove_exp_conv=False,
        **SMALL,
    ),
    "mobilenetv3": cv(
        "mobilenetv3",
        "MobileNetV3",
        pool="features.final_pool",
        channels=[[8], [12, 12], [16, 16]],
        exp_channels=[[8], [24, 32], [48, 48]],
        init_block_channels=8,
        final_block_channels=48,
        classifier_mid_channels=64,
        kernels3=[[1], [1, 1], [0, 0]],
        use_relu=[[1], [1, 1], [0, 0]],
        use_se=[[1], [0, 0], [1, 1]],
        first_stride=True,
        final_use_se=False,
        **SMALL,
    ),
    "squeezenet": cv(
        "squeezenet",
        "SqueezeNet",
        pool="output.final_pool",
        channels=[[32, 32], [64, 64]],
        residuals=[[0, 1], [0, 1]],
        init_block_kernel_size=3,
        init_block_channels=16,
        **SMALL,
    ),
    "bninception": cv(
        "bninception",
        "BNInception",
        pool="features.final_pool",
        channels=[[32, 40], [72, 72]],
        init_block_channels_list=[8, 24],
        mid1_channels_list=[[[8, 8], [8, 8]], [[16, 8], [8, 12]]],
        mid2_channels_list=[[[8, 8, 12, 4], [8, 12, 12, 8]], [[0, 20, 12, 0], [28, 12, 16, 16]]],
        **SMALL,
    ),
    "nin": cv("nin_cifar", "CIFARNIN", channels=[[24, 20, 12], [24, 24, 24], [24, 24]], first_kernel_sizes=[5, 5, 3]),
    "darknet": cv(
        "darknet",
        "DarkNet",
        channels=[[8], [16], [32, 16, 32], [64, 32, 64]],
        odd_pointwise=False,
        avg_pool_size=4,
        cls_activ=False,
        **SMALL,
    ),
    "vovnet": cv(
        "vovnet",
        "VoVNet",
        pool="features.final_pool",
        channels=[[32], [48, 48]],
        branch_channels=[[16], [20, 20]],
        num_branches=3,
        **SMALL,
    ),
    "dla": cv("dla", "dla46c", pool="features.final_pool", **SMALL),
    "hardnet": cv("hardnet", "hardnet39ds", pool="features.final_pool", **SMALL),
    "shufflenet": cv(
        "shufflenet",
        "ShuffleNet",
        pool="features.final_pool",
        channels=[[24, 24], [48, 48]],
        init_block_channels=8,
        groups=2,
        **SMALL,
    ),
    "shufflenetv2": cv(
        "shufflenetv2",
        "ShuffleNetV2",
        pool="features.final_pool",
        channels=[[24, 24], [48, 48]],
        init_block_channels=8,
        final_block_channels=64,
        **SMALL,
    ),
    "ghostnet": cv(
        "ghostnet",
        "GhostNet",
        pool="features.final_pool",
        channels=[[8], [12, 12], [16, 16]],
        init_block_channels=8,
        final_block_channels=48,
        classifier_mid_channels=64,
        kernels3=[[1], [1, 1], [0, 0]],
        exp_factors=[[1], [3, 3], [3, 3]],
        use_se=[[0], [0, 0], [1, 1]],
        first_stride=False,
        **SMALL,
    ),
    "efficientnet": cv(
        "efficientnet",
        "EfficientNet",
        pool="features.final_pool",
        channels=[[8], [12, 12], [16, 16]],
        init_block_channels=8,
        final_block_channels=64,
        kernel_sizes=[[3], [3, 3], [5, 5]],
        strides_per_stage=[1, 2, 2],
        expansion_factors=[[1], [6, 6], [6, 6]],
        **SMALL,
    ),
    "nasnet": cv(
        "nasnet",
        "NASNet",
        pool="features.final_pool",
        channels=[[24, 24], [32, 48]],
        init_block_channels=16,
        stem_blocks_channels=(4, 8),
        final_pool_size=7,
        extra_padding=True,
        skip_reduction_layer_input=False,
        in_size=(64, 64),
        num_classes=10,
    ),
    "unet": cv(
        "unet",
        "UNet",
        channels=[[16, 24, 32, 32], [32, 24, 16, 8]],
        init_block_channels=8,
        **SMALL,
    ),
    "regnet": cv(
        "regnet",
        "RegNet",
        pool="features.final_pool",
        channels=[[16], [32, 32], [48]],
        init_block_channels=8,
        groups=[2, 4, 6],
        use_se=True,
        **SMALL,
    ),
}
