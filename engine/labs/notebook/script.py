import math

import torch
from torch import nn

batch_size = 10
length = 20
d_model = 512
heads = 8
vocabulary = 100
pad = 0

d_k = d_model // heads

draw = torch.Generator().manual_seed(0)
lengths = [length, *torch.randint(1, length + 1, (batch_size - 1,), generator=draw).tolist()]
data = [torch.randint(1, vocabulary, (n,), generator=draw).tolist() for n in lengths]
longest = max(len(sentence) for sentence in data)
padded = [sentence + [pad] * (longest - len(sentence)) for sentence in data]
print("lengths", lengths)

embedding = nn.Embedding(vocabulary, d_model)
w_q, w_k, w_v, w_o = (nn.Linear(d_model, d_model) for _ in range(4))
nn.init.normal_(embedding.weight, generator=draw)
for layer in (w_q, w_k, w_v, w_o):
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -(d_model**-0.5), d_model**-0.5, generator=draw)

# %% the batch
batch = torch.tensor(padded)  # (B, L)
print("batch", tuple(batch.shape))

# %% embedding and projections
embedded = embedding(batch)  # (B, L, d_model)
print("embedded", tuple(embedded.shape))
q = w_q(embedded)  # (B, L, d_model)
print("q", tuple(q.shape))
k = w_k(embedded)  # (B, L_k, d_model)
print("k", tuple(k.shape))
v = w_v(embedded)  # (B, L_k, d_model)
print("v", tuple(v.shape))

# %% the heads
q = q.view(batch_size, length, heads, d_k)  # (B, L, H, d_k)
print("q", tuple(q.shape))
k = k.view(batch_size, length, heads, d_k)  # (B, L_k, H, d_k)
print("k", tuple(k.shape))
v = v.view(batch_size, length, heads, d_k)  # (B, L_k, H, d_k)
print("v", tuple(v.shape))
q = q.transpose(1, 2)  # (B, H, L, d_k)
print("q", tuple(q.shape))
k = k.transpose(1, 2)  # (B, H, L_k, d_k)
print("k", tuple(k.shape))
v = v.transpose(1, 2)  # (B, H, L_k, d_k)
print("v", tuple(v.shape))
k_t = k.transpose(-2, -1)  # (B, H, d_k, L_k)
print("k_t", tuple(k_t.shape))

# %% scores and weights
scores = q @ k_t  # (B, H, L, L_k)
print("scores", tuple(scores.shape))
scaled = scores / math.sqrt(d_k)  # (B, H, L, L_k)
print("scaled", tuple(scaled.shape))
weights = scaled.softmax(dim=-1)  # (B, H, L, L_k)
print("weights", tuple(weights.shape))

# %% the mix and W_O
mixed = weights @ v  # (B, H, L, d_k)
print("mixed", tuple(mixed.shape))
moved = mixed.transpose(1, 2)  # (B, L, H, d_k)
print("moved", tuple(moved.shape))
packed = moved.contiguous()  # (B, L, H, d_k)
print("packed", tuple(packed.shape))
concat = packed.view(batch_size, length, d_model)  # (B, L, d_model)
print("concat", tuple(concat.shape))
output = w_o(concat)  # (B, L, d_model)
print("output", tuple(output.shape))

# %% attention to padding
# Of the real tokens.
shares = [row[:, :n, n:].sum(dim=-1).flatten() for row, n in zip(weights, lengths, strict=True)]
print("attention that goes to padding", f"{torch.cat(shares).mean().item():.1%}")
