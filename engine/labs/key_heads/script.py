import torch

H_kv = 2
G = 2  # heads of queries for each head of keys
L = 5
d_k = 8

H = H_kv * G
query, whole_key, whole_value = torch.randn(3, H, L, d_k, generator=torch.Generator().manual_seed(0))


def attention(query, key, value):
    return (query @ key.transpose(-2, -1) / d_k**0.5).softmax(dim=-1) @ value


# %% keys and values that are shared
# the heads of a group averaged into one, as in the paper of grouped queries
key, value = (x.view(H_kv, G, L, d_k).mean(dim=1) for x in (whole_key, whole_value))
repeated = [x.repeat_interleave(G, dim=0) for x in (key, value)]
print("kept", tuple(key.shape), "and beside the queries", tuple(repeated[0].shape))
output = attention(query, *repeated)
in_groups = attention(query.view(H_kv, G, L, d_k), key.unsqueeze(1), value.unsqueeze(1))
print(f"broadcast instead of copied: differs by {(in_groups.view_as(output) - output).abs().max().item():.4g}")

# %% what is saved
print("numbers in the cache", 2 * key.numel(), "instead of", 2 * whole_key.numel())
print("parameters of W_K and W_V", 2 * H * d_k * H_kv * d_k, "instead of", 2 * H * d_k * H * d_k)

# %% what averaging moves
whole = attention(query, whole_key, whole_value)
print(f"output moved by {((output - whole).norm() / whole.norm()).item():.4g} of its length")
