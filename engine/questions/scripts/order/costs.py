import torch

d = 64
table = torch.tensor([[n, n * n * d, n * d * d] for n in (16, 64, 256)])  # (row, words · attention · recurrence)
n_small, n_large = 16, 256
attention_small, recurrence_small = n_small * n_small * d, n_small * d * d
attention_large, recurrence_large = n_large * n_large * d, n_large * d * d
print(table)
