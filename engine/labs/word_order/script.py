import math

import torch
from torch import nn

L = 4
order = [3, 2, 1, 0]  # which word stands at each place
layers = 1
causal = False
d_model = 16
heads = 4
vocabulary = 64
first_word = 3  # ids below belong to padding, begin and end
positions = 32  # of the encoding that is looked at
width = 32  # of it
pair = 2  # of its features
steps = 3  # that it is moved on

mask = nn.Transformer.generate_square_subsequent_mask(L) if causal else None


def encoding_of(positions, width):  # sine and cosine of each frequency side by side, in float64
    frequencies = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000) / width))
    angle = torch.arange(positions).unsqueeze(1) * frequencies
    return torch.stack([angle.sin(), angle.cos()], dim=-1).view(positions, -1)[:, :width], frequencies


layer = nn.TransformerEncoderLayer(d_model, heads, 4 * d_model, dropout=0.0, batch_first=True)
encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).eval().requires_grad_(False)
draw = torch.Generator().manual_seed(0)
table = nn.init.normal_(torch.empty(vocabulary, d_model), std=d_model**-0.5, generator=draw)
for layer in encoder.layers:
    attention = layer.self_attn
    w_q, w_k, w_v = attention.in_proj_weight.split(d_model)
    for weight in (w_q, w_k, w_v, attention.out_proj.weight, layer.linear1.weight, layer.linear2.weight):
        nn.init.xavier_uniform_(weight, generator=draw)
    for bias in (attention.in_proj_bias, attention.out_proj.bias, layer.linear1.bias, layer.linear2.bias):
        nn.init.zeros_(bias)
words = table[first_word : first_word + L].unsqueeze(0) * d_model**0.5  # (1, L, d_model)

# %% the words in another order
for name, added in (("without", torch.zeros(L, d_model)), ("with", encoding_of(L, d_model)[0].float())):
    given = encoder(words + added, mask)
    shuffled = encoder(words[:, order] + added, mask)
    difference = (shuffled - given[:, order]).abs().max().item()
    print(name, f"encoding: moved along with the words, the outputs differ by {difference:.4g}")

encoding, frequencies = encoding_of(positions, width)

# %% how far a frequency reaches
print(f"pair {pair}: ω = {frequencies[pair].item():.4g}, repeats after {2 * math.pi / frequencies[pair].item():.4g}")

# %% products of two positions
product = encoding @ encoding.T
for distance in range(min(4, positions)):
    print("product at distance", distance, f"is {product.diagonal(distance).mean().item():.4g}")

# %% one matrix moves on
sine, cosine = (frequencies * steps).sin(), (frequencies * steps).cos()
turn = torch.block_diag(*torch.stack([cosine, sine, -sine, cosine], dim=-1).view(-1, 2, 2))[:width, :width]
error = (encoding[:-steps] @ turn.T - encoding[steps:]).abs().max().item()
print(f"moved {steps} on by one matrix, the encoding is off by {error:.3g}")
