import torch
from torch import nn

L = 5
H = 4
d_k = 4
removed = 0  # a head

d_model = H * d_k
w_q, w_k, w_v, w_o = (nn.Linear(d_model, d_model).requires_grad_(False) for _ in range(4))
draw = torch.Generator().manual_seed(0)
for layer in (w_q, w_k, w_v, w_o):
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=d_model**-0.5, generator=draw)
x = torch.randn(L, d_model, generator=torch.Generator().manual_seed(1))


def split(rows, heads):  # the same parameters, cut into so many heads
    return rows.view(L, heads, -1).permute(1, 0, 2)  # (H, L, d_k)


def weights_of(heads):
    q, k = (split(w(x), heads) for w in (w_q, w_k))
    return (q @ k.transpose(-2, -1) / q.size(-1) ** 0.5).softmax(dim=-1)  # (H, L, L)


def attention(heads):
    return weights_of(heads) @ split(w_v(x), heads)  # (H, L, d_k)


def largest_difference(first, second):
    return f"{(first - second).abs().max().item():.4g}"


# %% the sum of the heads
mixed = attention(H)
output = w_o(mixed.permute(1, 0, 2).reshape(L, d_model))
given = mixed @ w_o.weight.T.reshape(H, d_k, d_model)  # each head meets only its own block of w_o
print("sum of the heads and the bias: differs by", largest_difference(given.sum(dim=0) + w_o.bias, output))

# %% without one head
cut = w_o.weight.clone()
cut[:, removed * d_k : (removed + 1) * d_k] = 0
without = nn.functional.linear(mixed.permute(1, 0, 2).reshape(L, d_model), cut, w_o.bias)
print("without head", removed, "the output moves by up to", largest_difference(output, without))
print("that is what the head gave, to within", largest_difference(output - without, given[removed]))

# %% head after head
loop = []
for h in range(H):  # every head alone, with its slices of the parameters
    own = slice(h * d_k, (h + 1) * d_k)
    q, k, v = (nn.functional.linear(x, w.weight[own], w.bias[own]) for w in (w_q, w_k, w_v))
    loop.append((q @ k.T / d_k**0.5).softmax(dim=-1) @ v @ w_o.weight[:, own].T)
print("a loop over the heads: differs by", largest_difference(torch.stack(loop).sum(dim=0) + w_o.bias, output))

# %% one wide head
for heads in (H, 1):
    looked_at = weights_of(heads)[:, -1].argmax(dim=-1).tolist()  # by the last word, in each head
    print(heads, "heads look most at word" if heads > 1 else "wide head looks most at word", looked_at)
print("one wide head: differs by", largest_difference(w_o(attention(1)[0]), output))
