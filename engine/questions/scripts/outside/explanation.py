import torch

value = torch.tensor([[1.0, 2.0], [1.0, 2.0], [5.0, -1.0]])  # (L_k, d_v): keys 0 and 1 hold the same
weights = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # (three patterns, L_k)
output = weights @ value  # (three patterns, d_v)
same = float((output[0] - output[1]).abs().max())
other = float((output[0] - output[2]).abs().max())
print(output, same, other)
