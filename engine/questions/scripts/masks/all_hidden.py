import torch

scores = torch.full((1, 3), float("-inf"))  # (L, L_k): a query with nothing left to look at
weights = scores.softmax(-1)  # (L, L_k)
nan = int(weights.isnan().sum())
finite = torch.full((1, 3), -1e9).softmax(-1)  # (L, L_k): each hidden key gets a third
share = float(finite[0, 0])
print(weights, finite)
