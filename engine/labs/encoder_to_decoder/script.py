# With random weights: the shapes are the page's, the difference in the last line is another.
import torch
from torch import nn

B = 1
S = 18
T = 11
H = 4
d_k = 16

torch.manual_seed(0)
w_q, w_k, w_v = (nn.Linear(H * d_k, H * d_k) for _ in range(3))


def split(rows):  # (B, L, H*d_k) -> (B, H, L, d_k)
    return rows.view(B, -1, H, d_k).permute(0, 2, 1, 3)


def attend(asking, asked, hidden=False):
    query, key, value = split(w_q(asking)), split(w_k(asked)), split(w_v(asked))
    scores = (query @ key.mT / d_k**0.5).masked_fill(torch.as_tensor(hidden), float("-inf"))
    weights = scores.softmax(dim=-1)
    return weights, weights @ value


source = torch.randn(B, S, H * d_k)  # the encoder's rows
memory = torch.randn(B, S, H * d_k)  # what it makes of them: all that it hands over
target = torch.randn(B, T, H * d_k)  # the decoder's own rows
future = torch.ones(T, T, dtype=torch.bool).triu(diagonal=1)

# %% the three attentions
with torch.no_grad():
    # The three attentions differ in where their rows come from.
    encoder, _ = attend(source, source)
    decoder, _ = attend(target, target, future)
    cross, _ = attend(target, memory)
    print("weights", tuple(encoder.shape), tuple(decoder.shape), tuple(cross.shape))

# %% from the decoder to the encoder
with torch.no_grad():
    # Cross-attention: who asks is the decoder, who is asked is the memory.
    query, key, value = split(w_q(target)), split(w_k(memory)), split(w_v(memory))
    print("cross-attention", tuple(query.shape), tuple(key.shape), tuple(value.shape))
    print("scores", tuple((query @ key.mT).shape))

# %% one token at a time
with torch.no_grad():
    # Masked self-attention one row at a time, with the keys and values of the rows before it kept.
    _, at_once = attend(target, target, future)
    keys = values = torch.empty(B, H, 0, d_k)
    rows = []
    for t in range(T):
        row = target[:, t : t + 1]
        newest = split(w_q(row))
        keys = torch.cat([keys, split(w_k(row))], dim=2)
        values = torch.cat([values, split(w_v(row))], dim=2)
        rows.append((newest @ keys.mT / d_k**0.5).softmax(dim=-1) @ values)
    print("last step", tuple(newest.shape), tuple(keys.shape))
    print("largest difference", (at_once - torch.cat(rows, dim=2)).abs().max().item())
