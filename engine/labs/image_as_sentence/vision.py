"""The Vision Transformer's own parts around this project's encoder (ViT: Dosovitskiy et al. 2021, section 3.1).

The encoder is the one of the Transformer's model, with the norm before each block and GELU, as the ViT has it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.config import Config
from engine.labs.xavier import draw_xavier
from engine.model.transformer import Encoder

CHANNELS = 3
# Of the class token and the position embedding before training, as is usual for a ViT.
SPREAD = 0.02


class VisionEncoder(nn.Module):
    """From an image to one vector that stands for it (ViT, equations 1 to 4).

    ``image`` is (B, C, Hpx, Wpx); it is cut into N patches of p × p pixels, and S = 1 + N tokens go through the
    encoder. Returns the class token's output, (B, d_model). ``placed=False`` leaves the position embedding out.
    """

    def __init__(self, config: Config, patch: int, count: int, placed: bool) -> None:
        super().__init__()
        self.patch, self.placed = patch, placed
        self.encoder = Encoder(config)
        self.class_token = nn.Parameter(torch.empty(1, 1, config.d_model))
        self.projection = nn.Linear(CHANNELS * patch * patch, config.d_model)
        self.position = nn.Parameter(torch.empty(1, 1 + count, config.d_model))

    def forward(self, image: Tensor) -> Tensor:
        columns = nn.functional.unfold(image, self.patch, stride=self.patch)  # (B, C*p*p, N)
        patches = columns.transpose(1, 2)  # (B, N, C*p*p)
        tokens = self.projection(patches)  # (B, N, d_model)
        class_token = self.class_token.expand(image.size(0), -1, -1)  # (B, 1, d_model)
        sentence = torch.cat([class_token, tokens], dim=1)  # (B, S, d_model)
        placed = sentence + self.position if self.placed else sentence  # (B, S, d_model)
        memory = self.encoder(placed, None)  # (B, S, d_model)
        summary = memory[:, 0]  # (B, d_model)
        return summary


def vision(
    side: int,
    patch: int,
    d_model: int,
    heads: int,
    layers: int,
    seed: int,
    spread: float = SPREAD,
    *,
    placed: bool = True,
) -> VisionEncoder:
    """An untrained Vision Transformer for images of ``side`` pixels, its weights drawn from the seed.

    The encoder has the same weights for every size of patch,
    and all weights are the same with and without position embedding.

    Args:
        side: of an image in pixels.
        patch: the side of a patch in pixels.
        d_model: the width of a token's vector.
        heads: how many heads, H.
        layers: how many encoder layers.
        seed: of the weights.
        spread: the standard deviation of the position embedding.
        placed: whether there is one.
    """
    config = Config(
        d_model=d_model, heads=heads, encoder_layers=layers, norm_first=True, activation="gelu", device="cpu"
    )
    model = VisionEncoder(config, patch, (side // patch) ** 2, placed)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        draw_xavier((*model.encoder.modules(), model.projection), draw)
        model.class_token.normal_(0.0, SPREAD, generator=draw)
        model.position.normal_(0.0, spread, generator=draw)
    return model.requires_grad_(False).eval()
