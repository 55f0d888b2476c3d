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


def attention(heads):  # the same parameters, cut into so many heads
    q, k, v = (w(x).view(L, heads, -1).permute(1, 0, 2) for w in (w_q, w_k, w_v))  # (H, L, d_k)
    weights = (q @ k.transpose(-2, -1) / q.size(-1) ** 0.5).softmax(dim=-1)  # (H, L, L)
    return weights @ v  # (H, L, d_k)


def largest_difference(first, second):
    return f"{(first - second).abs().max().item():.4g}"


mixed = attention(H)
output = w_o(mixed.permute(1, 0, 2).reshape(L, d_model))
given = mixed @ w_o.weight.T.reshape(H, d_k, d_model)  # each head meets only its own block of w_o
print("sum of the heads and the bias: differs by", largest_difference(given.sum(dim=0) + w_o.bias, output))

cut = w_o.weight.clone()
cut[:, removed * d_k : (removed + 1) * d_k] = 0
without = nn.functional.linear(mixed.permute(1, 0, 2).reshape(L, d_model), cut, w_o.bias)
print("without head", removed, "the output moves by up to", largest_difference(output, without))
print("that is what the head gave, to within", largest_difference(output - without, given[removed]))

loop = []
for h in range(H):  # every head alone, with its slices of the parameters
    own = slice(h * d_k, (h + 1) * d_k)
    q, k, v = (nn.functional.linear(x, w.weight[own], w.bias[own]) for w in (w_q, w_k, w_v))
    loop.append((q @ k.T / d_k**0.5).softmax(dim=-1) @ v @ w_o.weight[:, own].T)
print("a loop over the heads: differs by", largest_difference(torch.stack(loop).sum(dim=0) + w_o.bias, output))

print("one wide head: differs by", largest_difference(w_o(attention(1)[0]), output))
