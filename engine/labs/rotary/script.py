import math

import torch

d_k = 8
base = 10000
query_place = 5
key_place = 2
moved_by = 7

query, key = torch.randn(2, d_k, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
theta = torch.tensor([base ** (-2 * pair / d_k) for pair in range(d_k // 2)], dtype=torch.float64)


def turned(x, position):  # feature i turns with feature i + d_k / 2, as in Hugging Face's weights
    first, second = x.chunk(2)
    cosine, sine = (position * theta).cos(), (position * theta).sin()
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine])


# %% the score of two turned words
def score(query_place, key_place):
    return (turned(query, query_place) @ turned(key, key_place)).item()


print(f"score {score(query_place, key_place):.6g}")
print(f"both moved on by {moved_by}: {score(query_place + moved_by, key_place + moved_by):.6g}")
print(f"the key alone: {score(query_place, key_place + moved_by):.6g}")
print(f"length {query.norm().item():.6g} and turned {turned(query, query_place).norm().item():.6g}")

# %% how far the slowest pair turns
print(f"the slowest pair in 1000 places: {1000 * theta[-1].item() / (2 * math.pi):.4g} turns")
