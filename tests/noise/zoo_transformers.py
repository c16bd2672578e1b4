"""Networks of the package transformers, from small configs, without its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


def hf(family: str, head: str = "ForImageClassification", **config: Any) -> Callable[[], nn.Module]:
    """A builder of transformers' `family` + `head` with 10 labels."""

    def construct() -> nn.Module:
        import transformers

        settings = getattr(transformers, f"{family}Config")(num_labels=10, **config)
        return getattr(transformers, f"{family}{head}")(settings)

    return construct


TOKENS: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
PATCHES: dict[str, Any] = {**TOKENS, "image_size": 32, "patch_size": 8}

BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "resnet": hf("ResNet", embedding_size=16, hidden_sizes=[16, 32, 48], depths=[1, 2, 1], layer_type="basic"),
    "resnet-bottleneck": hf("ResNet", embedding_size=16, hidden_sizes=[32, 64], depths=[2, 2], layer_type="bottleneck"),
    "convnext": hf("ConvNext", hidden_sizes=[16, 24, 32], depths=[1, 2, 1], num_stages=3, patch_size=2),
    "convnextv2": hf("ConvNextV2", hidden_sizes=[16, 24, 32], depths=[1, 2, 1], num_stages=3, patch_size=2),
    "mobilenetv1": hf("MobileNetV1", depth_multiplier=0.25, image_size=32),
    "mobilenetv2": hf("MobileNetV2", depth_multiplier=0.25, image_size=32, finegrained_output=False),
    "regnet": hf(
        "RegNet", embedding_size=16, hidden_sizes=[16, 32, 48], depths=[1, 2, 1], groups_width=8, layer_type="y"
    ),
    "efficientnet": hf("EfficientNet", width_coefficient=0.25, depth_coefficient=0.3, hidden_dim=320, image_size=32),
    "bit": hf("Bit", embedding_size=32, hidden_sizes=[32, 64], depths=[1, 2], num_groups=8),
    "vit": hf("ViT", **PATCHES),
    "deit": hf("DeiT", **PATCHES),
    "beit": hf("Beit", **PATCHES, use_relative_position_bias=True),
    "dinov2": hf("Dinov2", **{**PATCHES, "mlp_ratio": 2}),
    "swin": hf("Swin", image_size=32, patch_size=2, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4),
    "pvt": hf(
        "Pvt",
        image_size=32,
        num_encoder_blocks=2,
        depths=[1, 1],
        sequence_reduction_ratios=[4, 1],
        hidden_sizes=[16, 32],
        patch_sizes=[4, 2],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[4, 4],
    ),
    "segformer": hf(
        "Segformer",
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[16, 32],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[4, 4],
    ),
    "poolformer": hf(
        "PoolFormer",
        depths=[1, 2],
        hidden_sizes=[16, 32],
        patch_sizes=[7, 3],
        strides=[4, 2],
        padding=[2, 1],
        num_encoder_blocks=2,
    ),
    "levit": hf(
        "Levit",
        image_size=64,
        hidden_sizes=[32, 48, 64],
        num_attention_heads=[2, 3, 4],
        depths=[1, 1, 1],
        key_dim=[8, 8, 8],
        attention_ratio=[2, 2, 2],
        mlp_ratio=[2, 2, 2],
    ),
    "mobilevit": hf(
        "MobileViT",
        image_size=64,
        hidden_sizes=[24, 32, 40],
        neck_hidden_sizes=[8, 8, 16, 24, 32, 40, 64],
        num_attention_heads=4,
    ),
    "cvt": hf(
        "Cvt",
        embed_dim=[16, 24, 32],
        num_heads=[1, 2, 4],
        depth=[1, 2, 3],
        patch_sizes=[3, 3, 3],
        patch_stride=[2, 2, 2],
    ),
    "focalnet": hf(
        "FocalNet",
        image_size=32,
        patch_size=4,
        embed_dim=16,
        hidden_sizes=[16, 32],
        depths=[1, 1],
        focal_levels=[2, 2],
        focal_windows=[3, 3],
    ),
    "bert": hf("Bert", "ForSequenceClassification", **TOKENS, vocab_size=100, max_position_embeddings=32),
    "distilbert": hf(
        "DistilBert",
        "ForSequenceClassification",
        vocab_size=100,
        max_position_embeddings=32,
        n_layers=2,
        n_heads=4,
        dim=32,
        hidden_dim=64,
    ),
    "gpt2": hf(
        "GPT2",
        "ForSequenceClassification",
        vocab_size=100,
        n_positions=32,
        n_embd=32,
        n_layer=2,
        n_head=4,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    ),
}
