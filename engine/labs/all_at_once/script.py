# The times are measured where this runs, so they are others than the page's.
from statistics import median
from timeit import repeat

import torch
from torch import nn
from torch.nn.functional import layer_norm

n = 8
H = 2
d_k = 8
repeats = 11

torch.set_num_threads(1)  # so small a layer is slower on several
d = H * d_k
table = nn.Embedding(n, d)
W_q, W_k, W_v, W_o = (nn.Linear(d, d) for _ in range(4))
W_1, W_2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
draw = torch.Generator().manual_seed(0)
nn.init.normal_(table.weight, std=d**-0.5, generator=draw)
for layer in (W_q, W_k, W_v, W_o, W_1, W_2):
    nn.init.xavier_uniform_(layer.weight, generator=draw)
    nn.init.zeros_(layer.bias)

angle = torch.arange(n).unsqueeze(1) * 10000 ** (-torch.arange(0, d, 2) / d)
positions = torch.stack([angle.sin(), angle.cos()], dim=-1).view(n, -1)[:, :d]
x = table(torch.arange(n)) * d**0.5 + positions  # (n, d)


def heads(rows):
    return rows.view(-1, H, d_k).transpose(0, 1)  # (H, rows, d_k)


def attended(x, keys, values):
    weights = (heads(W_q(x)) @ keys.transpose(1, 2) / d_k**0.5).softmax(dim=-1)
    mixed = (weights @ values).transpose(0, 1).reshape(-1, d)
    return layer_norm(x + W_o(mixed), (d,))


def feed_forward(x):
    return W_2(W_1(x).relu())


def encode(x, keys, values):
    normed = attended(x, keys, values)
    return layer_norm(normed + feed_forward(normed), (d,))


def at_once():
    return encode(x, heads(W_k(x)), heads(W_v(x)))


def one_at_a_time():
    keys = torch.cat([heads(W_k(token)) for token in x.split(1)], dim=1)
    values = torch.cat([heads(W_v(token)) for token in x.split(1)], dim=1)
    return torch.cat([encode(token, keys, values) for token in x.split(1)])


def alone():
    return torch.cat([encode(token, heads(W_k(token)), heads(W_v(token))) for token in x.split(1)])


def largest_difference(first, second, digits):
    return f"{(first - second).abs().max().item():.{digits}g}"


# %% each row by itself
with torch.no_grad():
    normed = attended(x, heads(W_k(x)), heads(W_v(x)))
    apart = torch.cat([feed_forward(token) for token in normed.split(1)])
    print("feed-forward, one at a time: differs by", largest_difference(feed_forward(normed), apart, 2))

# %% what a word needs from the others
with torch.no_grad():
    print("layer, each word alone: differs by", largest_difference(at_once(), alone(), 3))
    print("layer, keys and values handed in: differs by", largest_difference(at_once(), one_at_a_time(), 2))

# %% time for n words
with torch.no_grad():
    for way in (at_once, one_at_a_time):
        print(way.__name__, f"{median(repeat(way, number=1, repeat=repeats)) * 1000:.3g} ms")
