import torch

d_model, heads = 32, 4
d_k = d_model // heads  # the usual choice: as many numbers as before, and as much work
w_q = torch.nn.Linear(d_model, heads * d_k, bias=False)
free = torch.nn.Linear(d_model, heads * 5, bias=False)  # any other width works too
w_o = torch.nn.Linear(heads * 5, d_model, bias=False)  # W_O brings it back to d_model
x = torch.randn(1, 6, d_model)
usual_shape, free_shape, output_shape = w_q(x).shape, free(x).shape, w_o(free(x)).shape
print(d_k, usual_shape, free_shape, output_shape)
