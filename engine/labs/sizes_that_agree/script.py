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

# %% the two products
query = torch.randn(B, H, L, d_k)
key = torch.randn(B, H, L_k, d_k_of_keys)
value = torch.randn(B, H, L_v, d_v)
try:
    scores = query @ key.transpose(-2, -1)
    print("scores", tuple(scores.shape))
    weights = (scores / math.sqrt(query.size(-1))).softmax(dim=-1)
    mixed = weights @ value
    print("mixed", tuple(mixed.shape))
except RuntimeError as error:
    print(error)

# %% W_O and the residual
concat = torch.randn(B, L, H * d_v)  # mixed, with the heads of a token side by side
w_o = torch.nn.Linear(w_in, w_out)  # from H*d_v to d_model
x = torch.randn(B, L, d_model)
if d_k == d_k_of_keys and L_k == L_v:  # else there is no mixed to project
    try:
        output = w_o(concat)
        print("output", tuple(output.shape))
        summed = x + output
        print("summed", tuple(summed.shape))
    except RuntimeError as error:
        print(error)
