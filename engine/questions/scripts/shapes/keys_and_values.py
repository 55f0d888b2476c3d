import torch

queries, keys, d_k, d_v = 2, 4, 3, 5
query = torch.randn(queries, d_k)  # (L, d_k)
key = torch.randn(keys, d_k)  # (L_k, d_k)
value = torch.randn(keys, d_v)  # (L_k, d_v)
weights = (query @ key.T).softmax(-1)  # (L, L_k)
mixed = weights @ value  # (L, d_v)
weights_shape, mixed_shape = weights.shape, mixed.shape
try:
    weights @ torch.randn(keys + 1, d_v)
except RuntimeError as error:
    message = str(error)
print(weights_shape, mixed_shape)
print(message)
