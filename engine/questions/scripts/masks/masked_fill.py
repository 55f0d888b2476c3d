import torch

scores = torch.tensor([[2.0, 1.0, 0.5], [0.3, 1.2, 0.7]])  # (L, L_k)
mask = torch.tensor([[False, False, True], [False, False, True]])  # (L, L_k)
masked = scores.masked_fill(mask, float("-inf"))  # (L, L_k): a new tensor
weights = masked.softmax(-1)  # (L, L_k)
row_sum = float(weights[0].sum())
at_true = float(weights[0, 2])
kept = float(scores[0, 2])  # scores is as it was
print(masked)
print(weights)
