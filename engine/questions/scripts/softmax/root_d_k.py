import torch

torch.manual_seed(0)
d_k, pairs = 64, 100_000
query, key = torch.randn(pairs, d_k), torch.randn(pairs, d_k)
products = (query * key).sum(-1)  # (pairs,)
variance = float(products.var())
divided = float((products / d_k**0.5).var())
root = d_k**0.5
ten_keys = products.view(-1, 10)  # (queries, keys)
largest = float(ten_keys.softmax(-1).amax(-1).mean())
largest_divided = float((ten_keys / root).softmax(-1).amax(-1).mean())
print(variance, divided, largest, largest_divided)
