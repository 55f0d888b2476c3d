import torch

torch.manual_seed(0)
d_k, words = 8, 6
query, key, value = (torch.randn(words, d_k, dtype=torch.float64) for _ in range(3))  # (T, d_k) each
mask = torch.ones(words, words).triu(1).bool()
whole = (query @ key.T).masked_fill(mask, float("-inf")).softmax(-1) @ value  # (T, d_k)

keys, values, written = key[:0], value[:0], []
for t in range(words):  # one new row of keys and values a step; the older rows are kept
    keys, values = torch.cat([keys, key[t : t + 1]]), torch.cat([values, value[t : t + 1]])
    written.append((query[t] @ keys.T).softmax(-1) @ values)
agrees = torch.allclose(whole, torch.stack(written))
rows_with, rows_without = words, sum(range(1, words + 1))
kept = keys.numel() + values.numel()
print(agrees, rows_with, rows_without, kept)
