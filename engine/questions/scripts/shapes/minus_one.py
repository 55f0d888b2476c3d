import torch

x = torch.randn(2, 5, 32)  # (B, L, d_model)
split = x.view(2, 5, 4, -1)  # (B, L, H, d_k)
d_k = split.size(-1)
elements = x.numel()
rest = elements // (2 * 5 * 4)
print(d_k, elements, rest)
