import torch

B = 1
T = 6
H_kv = 2
G = 2  # heads of queries for each head of keys
d_k = 8

H, d_model = H_kv * G, H_kv * G * d_k
draw = torch.Generator().manual_seed(0)
x = torch.randn(B, T, d_model, generator=draw)
w_q, w_k, w_v = (torch.randn(d_model, n * d_k, generator=draw) / d_model**0.5 for n in (H, H_kv, H_kv))


def split(rows):
    return rows.view(B, rows.size(1), -1, d_k).permute(0, 2, 1, 3)  # (B, H, L, d_k)


def attention(query, key, value, mask):
    key, value = key.repeat_interleave(G, dim=1), value.repeat_interleave(G, dim=1)
    scores = query @ key.transpose(-2, -1) / d_k**0.5
    return scores.masked_fill(mask, float("-inf")).softmax(dim=-1) @ value


# %% one token at a time
keys, values = torch.empty(2, B, H_kv, 0, d_k)
outputs = []
for t in range(T):
    row = x[:, t : t + 1]  # one token, and of the others nothing but their keys and values
    keys = torch.cat([keys, split(row @ w_k)], dim=2)
    values = torch.cat([values, split(row @ w_v)], dim=2)
    outputs.append(attention(split(row @ w_q), keys, values, torch.zeros(1, t + 1, dtype=torch.bool)))
print("keys in the cache", tuple(keys.shape), "values", tuple(values.shape))
print("bytes of the cache", keys.nbytes + values.nbytes)

# %% beside all at once
future = torch.ones(T, T, dtype=torch.bool).triu(diagonal=1)
at_once = attention(split(x @ w_q), split(x @ w_k), split(x @ w_v), future)
print(f"largest difference from all at once {(torch.cat(outputs, dim=2) - at_once).abs().max().item():.4g}")
print("rows projected", B * T, "with a cache and", B * T * (T + 1) // 2, "without")
