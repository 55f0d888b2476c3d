import torch

torch.manual_seed(0)
words, d_k = 6, 8
query, key, value = (torch.randn(words, d_k, dtype=torch.float64) for _ in range(3))  # (L, d_k) each
together = (query @ key.T / d_k**0.5).softmax(-1) @ value  # (L, d_k): all words in one product
alone = torch.stack([(q @ key.T / d_k**0.5).softmax(-1) @ value for q in query])  # (L, d_k): word by word
agrees = torch.allclose(together, alone)
products, products_alone = 2, 2 * words
print(agrees)
