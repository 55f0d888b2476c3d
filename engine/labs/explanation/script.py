import json
import math
from pathlib import Path

import torch
from torch.nn.functional import layer_norm, linear

source_ids = [1, 6, 5, 14, 32, 55, 61, 46, 53, 43, 46, 57, 14, 6, 4, 6, 10, 2]  # of the characters, S of them
target_ids = [1, 6, 4, 6, 10, 18, 5]  # begin, and what was written
layers = [0]  # in which weights are exchanged
heads = [0]
H = 4
encoder_layers = 2
decoder_layers = 2
shuffles = 100
seed = 6

source, target = torch.tensor(source_ids), torch.tensor(target_ids)
raw = Path("engine/pretrained/dates.safetensors").read_bytes()
start = 8 + int.from_bytes(raw[:8], "little")
header = json.loads(raw[8:start])
p = {}
for name in header.keys() - {"__metadata__"}:
    first, last = header[name]["data_offsets"]
    numbers = torch.frombuffer(bytearray(raw[start + first : start + last]), dtype=torch.float32)
    p[name] = numbers.view(header[name]["shape"])


def dense(x, name):
    return linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def norm(x, name):
    return layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"])


def placed(tokens, side):
    x = p[f"{side}_embedding.table.weight"][tokens]
    width = x.size(-1)
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10000) / width))
    angle = torch.arange(len(tokens)).unsqueeze(1) * frequency
    return x * math.sqrt(width) + torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def attention(x, memory, name, change, hidden=None):
    parts = ((x, "q"), (memory, "k"), (memory, "v"))
    q, k, v = (dense(rows, f"{name}.w_{part}").unflatten(-1, (H, -1)).transpose(0, 1) for rows, part in parts)
    scores = q @ k.mT / math.sqrt(q.size(-1))
    if hidden is not None:
        scores = scores.masked_fill(hidden, float("-inf"))
    mixed = change(scores.softmax(dim=-1)) @ v
    return dense(mixed.transpose(0, 1).flatten(1), f"{name}.w_o")


def fed(x, name):
    y = dense(dense(x, f"{name}.feed_forward.w_1").relu(), f"{name}.feed_forward.w_2")
    return norm(x + y, f"{name}.feed_forward_norm")


def unchanged(weights):
    return weights


def encode():
    x = placed(source, "source")
    for layer in range(encoder_layers):
        name = f"encoder.layers.{layer}"
        x = norm(x + attention(x, x, f"{name}.self_attention", unchanged), f"{name}.self_attention_norm")
        x = fed(x, name)
    return x


def decode(memory, changes):
    x = placed(target, "target")
    hidden = torch.ones(len(target), len(target), dtype=torch.bool).triu(diagonal=1)
    for layer in range(decoder_layers):
        name = f"decoder.layers.{layer}"
        x = norm(x + attention(x, x, f"{name}.self_attention", unchanged, hidden), f"{name}.self_attention_norm")
        change = changes.get(layer, unchanged)
        x = norm(x + attention(x, memory, f"{name}.cross_attention", change), f"{name}.cross_attention_norm")
        x = fed(x, name)
    return dense(x[-1], "projection").softmax(dim=-1)


memory = encode()
own = {}
usual = decode(memory, {layer: lambda w, layer=layer: own.setdefault(layer, w) for layer in layers})
draw = torch.Generator().manual_seed(seed)
orders = torch.rand(shuffles, len(layers), H, len(source), generator=draw).argsort(dim=-1)


def shuffled(layer, order):
    def change(weights):
        rows = own[layer][heads, -1].gather(-1, order[heads])  # of the last row, in these heads
        changed = weights.clone()
        changed[:, -1] = own[layer][:, -1]  # the other heads keep theirs, whatever the layer before makes of its own
        changed[heads, -1] = rows
        return changed

    return change


def divergence(a, b):
    middle = (a + b) / 2
    terms = torch.xlogy(a, a) - torch.xlogy(a, middle) + torch.xlogy(b, b) - torch.xlogy(b, middle)
    return terms.sum(dim=-1) / 2


# %% shuffled weights at one position
weights_moved, output_moved, kept = [], [], 0
for order in orders:
    changes = {layer: shuffled(layer, order[number]) for number, layer in enumerate(layers)}
    output = decode(memory, changes)
    before = torch.stack([own[layer][heads, -1] for layer in layers])
    after = torch.stack([own[layer][heads, -1].gather(-1, order[number][heads]) for number, layer in enumerate(layers)])
    weights_moved.append(divergence(before, after).mean())
    output_moved.append((output - usual).abs().sum() / 2)
    kept += int(output.argmax() == usual.argmax())
print("weights moved, median", round(torch.stack(weights_moved).quantile(0.5).item(), 4))
print("output moved, median", round(torch.stack(output_moved).quantile(0.5).item(), 4))
print("likeliest character kept in", kept, "of", len(orders))
