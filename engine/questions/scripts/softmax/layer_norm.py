import torch

x = torch.tensor([[1.0, 2.0, 3.0, 6.0], [10.0, 20.0, 30.0, 60.0]])  # (L, d_model)
normed = torch.nn.functional.layer_norm(x, (4,))  # (L, d_model)
mean, std = float(normed[1].mean().abs()), float(normed[1].std(correction=0))
difference = float((normed[0] - normed[1]).abs().max())
print(normed)
