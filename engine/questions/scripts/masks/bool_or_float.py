import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

query = key = torch.zeros(1, 2, 4)  # (B, L, d_k)
value = torch.tensor([[[1.0], [3.0]]])  # (B, L_k, d_v)
keep_first = torch.tensor([[True, False], [True, False]])  # (L, L_k)
as_bool = float(sdpa(query, key, value, attn_mask=keep_first)[0, 0])  # True means: look here
added = float(sdpa(query, key, value, attn_mask=keep_first.float())[0, 0])  # a float is added to the scores
minus = torch.zeros(2, 2).masked_fill(~keep_first, float("-inf"))
as_float = float(sdpa(query, key, value, attn_mask=minus)[0, 0])
print(as_bool, added, as_float)
