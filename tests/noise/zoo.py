"""Networks that the paper does not have, on which the law is tested: masked and compact agree wherever units leave.

`ZOO[name].build()` makes one in eval mode, `ZOO[name].example_input()` what it reads; both are the same every time.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.noise import zoo_handwritten as own
from tests.noise import zoo_unusual as unusual
from tests.noise.zoo_entry import Entry, Inputs, call, images, tokens, vectors
from tests.noise.zoo_pytorchcv import BUILDERS as CV
from tests.noise.zoo_transformers import BUILDERS as HF

__all__ = ["ZOO", "Entry", "Inputs", "call"]

Draw = Callable[[int, torch.Generator], Inputs]

SIGNAL, SEQUENCE, TEXT = vectors(3, 32), vectors(10, 12), tokens(12, 100)


def with_mask(n: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Tokens by name beside a mask that hides the last ones."""
    mask = torch.ones(n, 12, dtype=torch.long)
    mask[:, 9:] = 0
    return {"input_ids": TEXT(n, generator), "attention_mask": mask}


def here(
    make: Callable[[], nn.Module], family: str, *refused: str, inputs: Draw | None = None, note: str = ""
) -> Entry:
    """A network of `zoo_handwritten` or `zoo_unusual`, that reads images unless told otherwise."""
    return Entry(make, inputs or images(32), family, "here", refused, note)


def cv(name: str, family: str, *refused: str, size: int = 32, note: str = "") -> Entry:
    """A network of pytorchcv."""
    return Entry(CV[name], images(size), family, "pytorchcv", refused, note)


def hf(
    name: str, family: str, *refused: str, inputs: Draw | None = None, readable: bool = True, note: str = ""
) -> Entry:
    """A network of transformers."""
    return Entry(HF[name], inputs or images(32), family, "transformers", refused, note, readable)


ZOO: dict[str, Entry] = {
    # Plain
    "mlp": here(own.mlp, "plain", inputs=vectors(8, 8)),
    "mlp-batch-norm": here(own.mlp_batch_norm, "plain", inputs=vectors(8, 8)),
    "vgg11": here(own.vgg11, "plain"),
    "conv1d": here(own.conv1d, "plain", inputs=SIGNAL),
    "conv3d": here(own.Conv3d, "plain", inputs=vectors(1, 4, 8, 8)),
    "pytorchcv/nin": cv("nin", "plain", note="ends in a convolution that is pooled"),
    "pytorchcv/darknet": cv("darknet", "plain", note="ends in a convolution that is pooled"),
    # Residual
    "resnet20": here(own.resnet20, "residual"),
    "preact": here(own.preact, "pre-activation"),
    "pytorchcv/resnet20": cv("resnet20", "residual"),
    "pytorchcv/resnet-bottleneck": cv("resnet-bottleneck", "residual"),
    "pytorchcv/preresnet20": cv("preresnet20", "pre-activation"),
    "pytorchcv/wrn": cv("wrn", "pre-activation"),
    "pytorchcv/pyramidnet": cv("pyramidnet", "pre-activation", note="a shortcut is widened by zeros"),
    "pytorchcv/dla": cv("dla", "aggregation", note="a tree of concatenations and sums"),
    "transformers/resnet": hf("resnet", "residual"),
    "transformers/resnet-bottleneck": hf("resnet-bottleneck", "residual"),
    # Concatenation
    "densenet": here(own.densenet, "dense"),
    "pytorchcv/densenet": cv("densenet", "dense"),
    "pytorchcv/vovnet": cv("vovnet", "dense"),
    "pytorchcv/hardnet": cv("hardnet", "dense", note="depthwise layers within a dense block"),
    "pytorchcv/squeezenet": cv("squeezenet", "fire", note="ends in a convolution that is pooled"),
    "pytorchcv/bninception": cv("bninception", "inception"),
    "unet": here(own.UNet, "u-net", note="a transposed convolution; the output is an image"),
    "pytorchcv/unet": cv("unet", "u-net", note="the output is an image"),
    "autoencoder": here(own.autoencoder, "u-net", inputs=images(16, 1)),
    # Depthwise
    "depthwise": here(own.depthwise, "depthwise"),
    "pytorchcv/mobilenet": cv("mobilenet", "depthwise"),
    "pytorchcv/mobilenetv2": cv("mobilenetv2", "inverted residual"),
    "pytorchcv/mobilenetv3": cv("mobilenetv3", "inverted residual"),
    "pytorchcv/efficientnet": cv("efficientnet", "inverted residual"),
    "pytorchcv/xception": cv("xception", "depthwise", size=64),
    "pytorchcv/ghostnet": cv("ghostnet", "depthwise", note="unit i and a cheap copy of it are concatenated: one unit"),
    "transformers/mobilenetv1": hf("mobilenetv1", "depthwise"),
    "transformers/mobilenetv2": hf("mobilenetv2", "inverted residual"),
    "transformers/efficientnet": hf("efficientnet", "inverted residual"),
    # Factors for channels
    "squeeze-excite": here(own.squeeze_excite, "squeeze-excite"),
    "pytorchcv/seresnet": cv("seresnet", "squeeze-excite", note="a squeeze of one unit"),
    "gated": here(unusual.Gated, "gated", note="unit i and unit i + 16 would be one"),
    # A cell found by search
    "pytorchcv/nasnet": cv(
        "nasnet",
        "searched",
        size=64,
        note="a sum of layers with a concatenation of two: one of these can be left without units",
    ),
    # Attention
    "encoder": here(unusual.Encoder, "transformer", "embed", inputs=SEQUENCE),
    "mixer": here(unusual.Mixer, "mixer", "embed"),
    "transformers/vit": hf("vit", "transformer", "projection", "v_proj"),
    "transformers/deit": hf("deit", "transformer", "projection", "v_proj"),
    "transformers/beit": hf("beit", "transformer", "projection", "v_proj"),
    "transformers/dinov2": hf("dinov2", "transformer", "projection", "v_proj"),
    "transformers/swin": hf("swin", "transformer", "projection", "mlp.fc2", "v_proj"),
    "transformers/pvt": hf("pvt", "transformer", "mlp.dense2", "self.value", "sequence_reduction"),
    "transformers/segformer": hf("segformer", "transformer", "mlp.fc2", "v_proj", "sequence_reduction"),
    "transformers/levit": hf(
        "levit",
        "transformer",
        "keys_values",
        "0.layers.1.module.linear_down",
        "1.layers.1.module.linear_down",
        inputs=images(64),
    ),
    "transformers/mobilevit": hf(
        "mobilevit", "transformer", "transformer.layer.0.output.dense", "attention.value", inputs=images(64)
    ),
    "transformers/cvt": hf("cvt", "transformer", readable=False, note="IndexError in Torch-Pruning's shape inference"),
    "transformers/bert": hf("bert", "text", "output.dense", "self.value", inputs=with_mask),
    "transformers/distilbert": hf("distilbert", "text", "lin2", "v_lin", inputs=TEXT),
    "transformers/gpt2": hf(
        "gpt2", "text", inputs=TEXT, readable=False, note="dense layers of its own, split in three"
    ),
    # Other normalisations
    "transformers/convnext": hf("convnext", "convnext", "pwconv2", "downsampling_layer"),
    "transformers/convnextv2": hf("convnextv2", "convnext", "pwconv", "downsampling_layer"),
    "transformers/poolformer": hf("poolformer", "metaformer", "output.conv2"),
    "transformers/focalnet": hf("focalnet", "metaformer", readable=False, note="get_pruning_group does not end"),
    "transformers/bit": hf("bit", "group norm", "embedder", "conv", note="group norm and standardised weights"),
    "group-norm": here(unusual.group_norm, "group norm", "0"),
    "local-response": here(unusual.local_response, "plain", "1", note="one unit shows 6e-6 only"),
    # Grouped convolutions
    "grouped": here(unusual.grouped, "grouped", "0.0", "1.0"),
    "pytorchcv/resnext": cv(
        "resnext",
        "grouped",
        *(f"stage2.unit{unit}.body.conv{conv}" for unit in (1, 2) for conv in (1, 2)),
        note="in its first stage a group has one channel: depthwise, exact",
    ),
    "pytorchcv/regnet": cv("regnet", "grouped", "body.conv1", "body.conv2"),
    "pytorchcv/shufflenet": cv("shufflenet", "grouped", "conv"),
    "pytorchcv/shufflenetv2": cv("shufflenetv2", "shuffle", "unit2.expand_conv3"),
    "transformers/regnet": hf("regnet", "grouped", "layer.0.convolution", "layer.1.convolution"),
    # Particular to a module, whatever the family
    "shared": here(unusual.Shared, "plain", note="one convolution used twice"),
    "branches": here(unusual.Branches, "plain", "after", note="returns a tuple"),
    "fixed-reshape": here(unusual.FixedReshape, "plain", "after"),
    "lstm": here(unusual.LstmHead, "recurrent", "embed", inputs=SEQUENCE),
    "padded-shortcut": here(unusual.PaddedShortcut, "residual", "stem", "outer"),
    "weight-norm": here(unusual.weight_norm, "plain", "0", "2", note="Torch-Pruning cannot set a computed weight"),
    "tied-weights": here(unusual.TiedWeights, "plain", "embed", "first", inputs=vectors(12)),
    "channel-buffer": here(unusual.ChannelBuffer, "plain", "stem"),
}
