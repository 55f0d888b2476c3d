import math

import torch

B = 1
H = 2
L = 4
L_k = 6  # of the keys
L_v = 6  # of the values
d_k = 3  # of the queries
d_k_of_keys = 3
d_v = 5
w_in = 10  # what w_o takes
w_out = 8  # what w_o gives
d_model = 8

query = torch.randn(B, H, L, d_k)
key = torch.randn(B, H, L_k, d_k_of_keys)
value = torch.randn(B, H, L_v, d_v)
w_o = torch.nn.Linear(w_in, w_out)  # from H*d_v to d_model
x = torch.randn(B, L, d_model)

try:
    scores = query @ key.transpose(-2, -1)
    print("scores", tuple(scores.shape))
    weights = (scores / math.sqrt(query.size(-1))).softmax(dim=-1)
    mixed = weights @ value
    print("mixed", tuple(mixed.shape))
    concat = mixed.permute(0, 2, 1, 3).contiguous().view(B, query.size(2), -1)
    output = w_o(concat)
    print("output", tuple(output.shape))
    summed = x + output
    print("summed", tuple(summed.shape))
except RuntimeError as error:
    print(error)
