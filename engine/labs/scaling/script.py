import math

import torch

d_k = 64
L_k = 8
components = "normal"  # "uniform", "+1 or −1", or "one number repeated"
seed = 0
pairs = 4096  # of q and k, for every variance
pairs_at_once = 512
sets = 32  # of queries that look at the same keys
queries = 16  # in each set


def draw(*shape, dtype=torch.float32):  # every component has mean 0 and variance 1
    if components == "uniform":
        return (torch.rand(shape, dtype=dtype) * 2 - 1) * math.sqrt(3)
    if components == "+1 or −1":
        return torch.randint(0, 2, shape).to(dtype) * 2 - 1
    if components == "one number repeated":
        return torch.randn((*shape[:-1], 1), dtype=dtype).expand(shape)
    return torch.randn(shape, dtype=dtype)


# %% spread of q·k
for size in (d_k, 16 * d_k):
    torch.manual_seed(seed)
    sums = [(draw(pairs_at_once, size) * draw(pairs_at_once, size)).sum(dim=-1) for _ in range(pairs // pairs_at_once)]
    products = torch.cat(sums).double()  # q·k of all pairs
    variance, deviation = products.var(correction=0), products.std(correction=0)
    print(f"d_k = {size}: variance {variance:.4g}, standard deviation {deviation:.4g}")

# %% rows of weights
torch.manual_seed(seed)
q = draw(sets, queries, d_k, dtype=torch.float64)
k = draw(sets, L_k, d_k, dtype=torch.float64)
scores = q @ k.transpose(-2, -1)

for name, entering in (("without", scores), ("with", scores / math.sqrt(d_k))):
    weights = entering.softmax(dim=-1)
    largest = weights.max(dim=-1).values.mean()
    entropy = torch.special.entr(weights).sum(dim=-1).mean() / math.log(2)
    print(f"{name}: largest weight {largest:.4g}, entropy {entropy:.4g} bits")

# %% slope of softmax
rows = scores.softmax(dim=-1).flatten(0, 1)
query = rows.amax(dim=-1).argsort()[len(rows) // 2]  # the one in the middle, by its largest weight
key = rows[query].argmax()
for name, entering in (("without", scores), ("with", scores / math.sqrt(d_k))):
    weights = entering.softmax(dim=-1).flatten(0, 1)
    # the Jacobian of softmax; its column j is how all weights of a query move with score j
    jacobian = torch.diag_embed(weights) - weights.unsqueeze(-1) * weights.unsqueeze(-2)
    p = weights[query, key].item()
    print(f"{name}: gradient {jacobian.norm(dim=-2).median():.3g}, p = {p:.4g}, p(1 - p) = {p * (1 - p):.3g}")
