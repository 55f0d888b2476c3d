import torch

torch.manual_seed(0)
length, heads, d_v, d_model = 3, 4, 8, 32
mixed = torch.randn(length, heads, d_v, dtype=torch.float64)  # (L, H, d_v): what each head found
w_o = torch.randn(heads * d_v, d_model, dtype=torch.float64)  # (H*d_v, d_model)
output = mixed.view(length, heads * d_v) @ w_o  # (L, d_model)
parts = [mixed[:, h] @ w_o[h * d_v : (h + 1) * d_v] for h in range(heads)]  # a part of the output from each head
summed = parts[0] + parts[1] + parts[2] + parts[3]
agrees = torch.allclose(output, summed)
products_split = heads * length * length * d_v  # of all scores
products_wide = length * length * (heads * d_v)
print(agrees, products_split, products_wide)
