import base64
import zlib

import torch
from einops import rearrange
from torch import nn

C = 3
side = 48
p = 8  # pixels a patch has a side
d_model = 32
heads = 4
layers = 2
seed = 0
class_spread = 0.02  # standard deviation of the class token before training
spread = 0.02  # of the position embedding
look_layer = 0  # in which a token looks
look_head = 0
query = 0  # the token that looks: 0 is the class token, then the patches row by row
placed = True  # whether the position embedding is added
packed = (
    "c-rmLp$&jQ429v57y$!@8Q1{9NVfrw2~ao&U;z{kjYAw<a?n@Gk(d0s`O>s*S{-94w2h_Lr!a=35XOo`kD;e8GA~2V852WN@`NxFk`m?"
    "_Nfi@$OY-6|FOcqHR7uY;N+byePLgAQBoqch!eUTcTIK-~>VD`+)RVXFh#q?6o~FvYZ2yZMdOquEyZSPeCp7<V^w9Gs4`WQ;4ts)js{"
)  # the picture

torch.set_default_dtype(torch.float64)
rows = torch.frombuffer(bytearray(zlib.decompress(base64.b85decode(packed))), dtype=torch.uint8)
image = rows.view(1, side, side, C).permute(0, 3, 1, 2).float().double() / 255  # (B, C, Hpx, Wpx)

draw = torch.Generator().manual_seed(seed)
layer = nn.TransformerEncoderLayer(d_model, heads, 4 * d_model, 0.0, "gelu", batch_first=True, norm_first=True)
encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(d_model), enable_nested_tensor=False)
encoder.eval().requires_grad_(False)


def drawn(*shape):  # Xavier's uniform, in float32
    return nn.init.xavier_uniform_(torch.empty(shape, dtype=torch.float32), generator=draw)


for layer in encoder.layers:
    attention = layer.self_attn
    for weight in (*attention.in_proj_weight.split(d_model), attention.out_proj.weight):
        weight.copy_(drawn(d_model, d_model))
    layer.linear1.weight.copy_(drawn(4 * d_model, d_model))
    layer.linear2.weight.copy_(drawn(d_model, 4 * d_model))
    for bias in (attention.in_proj_bias, attention.out_proj.bias, layer.linear1.bias, layer.linear2.bias):
        nn.init.zeros_(bias)
weight = drawn(d_model, C * p * p).double()
N = (side // p) ** 2  # patches
class_token, position = (torch.empty(1, rows, d_model, dtype=torch.float32) for rows in (1, 1 + N))
class_token = class_token.normal_(0, class_spread, generator=draw).double()
position = position.normal_(0, spread, generator=draw).double()

# %% cut into patches
patches = nn.functional.unfold(image, p, stride=p).transpose(1, 2)  # (B, N, C*p*p)
same = rearrange(image, "b c (n p) (m q) -> b (n m) (c p q)", p=p, q=p)  # (B, N, C*p*p)
print("patches", tuple(patches.shape), "equal to rearrange:", torch.equal(patches, same))

# %% a straight view
numbers = torch.arange(float(image.numel())).view(image.shape)  # each says where in the image it stands
belong = nn.functional.unfold(numbers, p, stride=p).transpose(1, 2) == numbers.view(patches.shape)
print("a straight view has", belong.sum().item(), "of", image.numel(), "numbers where they belong")

# %% tokens by a convolution
tokens = patches @ weight.T  # (B, N, d_model)
convolved = nn.functional.conv2d(image, weight.view(d_model, C, p, p), stride=p).flatten(2).transpose(1, 2)
print("a convolution differs from the linear layer by", f"{(tokens - convolved).abs().max().item():.4g}")

# %% patches in another order
sentence = torch.cat([class_token, tokens], dim=1)  # (B, S, d_model), S = 1 + N
order = torch.randperm(tokens.size(1), generator=torch.Generator().manual_seed(seed))
shuffled = torch.cat([class_token, tokens[:, order]], dim=1)
for name, added in (("without", torch.zeros(())), ("with", position)):
    difference = encoder(sentence + added)[:, 0] - encoder(shuffled + added)[:, 0]
    print(name, "position embedding, shuffling changes the class token by", f"{difference.abs().max().item():.4g}")

# %% where a token looks
x = sentence + position if placed else sentence
for block in encoder.layers[:look_layer]:
    x = block(x)
block = encoder.layers[look_layer]
normed = block.norm1(x)
_, looks = block.self_attn(normed, normed, normed, average_attn_weights=False)  # (B, H, S, S)
row = looks[0, look_head, query]
print(f"the largest weight is {100 * row.max():.3g} %, {row.max() * len(row):.3g} times the even share")

# %% what half the patch costs
for pixels in (p, p // 2):
    S = nn.functional.unfold(image, pixels, stride=pixels).size(-1) + 1  # patches and the class token
    print(f"patches of {pixels} pixels: S = {S}, S × S = {S * S} weights in a head")
