import torch

query, key = torch.randn(2, 4, 5, 8), torch.randn(2, 4, 6, 8)  # (B, H, L, d_k), (B, H, L_k, d_k)
scores = torch.einsum("bhqd,bhkd->bhqk", query, key)  # (B, H, L, L_k)
product = query @ key.transpose(-2, -1)  # (B, H, L, L_k)
difference = float((scores - product).abs().max())
same = torch.allclose(scores, product, atol=1e-5)
scores_shape = scores.shape
print(scores_shape, same)
