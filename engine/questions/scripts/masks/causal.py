import torch

length = 4
future = torch.ones(length, length).triu(1).bool()  # (L, L_k): True above the diagonal
weights = torch.zeros(length, length).masked_fill(future, float("-inf")).softmax(-1)  # (L, L_k)
first, last = int((weights[0] > 0).sum()), int((weights[-1] > 0).sum())
hidden = int(future.sum())
print(future)
print(weights)
