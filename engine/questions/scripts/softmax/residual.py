import torch

torch.manual_seed(0)
x = torch.randn(5, 32, requires_grad=True)  # (L, d_model)
sublayer = torch.nn.Linear(32, 32)
output = x + 0.0 * sublayer(x)  # a sublayer that gives nothing yet
output.sum().backward()
gradient = float(x.grad.mean())
try:
    x + torch.randn(5, 16)
except RuntimeError as error:
    message = str(error)
print(gradient, message)
