import torch

batch, heads, length = 2, 4, 3
scores = torch.zeros(batch, heads, length, length)  # (B, H, L, L_k)
is_padding = torch.tensor([[False, False, True], [False, False, False]])  # (B, L_k)
mask = is_padding.view(batch, 1, 1, length)  # (B, 1, 1, L_k)
masked = scores.masked_fill(mask, float("-inf"))  # (B, H, L, L_k)
mask_numbers, hidden = mask.numel(), int(masked.isinf().sum())
mask_shape, scores_shape = mask.shape, scores.shape
print(mask_shape, hidden)
