import torch
from torch.utils.flop_counter import FlopCounterMode

n = 16
d = 8

x = torch.zeros(1, n, d)
W_q, W_k, W_v, W_o = (torch.nn.Linear(d, d) for _ in range(4))

with FlopCounterMode(display=False) as recurrent:
    torch.nn.RNN(d, d, batch_first=True)(x)
with FlopCounterMode(display=False) as bidirectional:
    torch.nn.RNN(d, d, batch_first=True, bidirectional=True)(x)
with FlopCounterMode(display=False) as projections:
    q, k, v = W_q(x), W_k(x), W_v(x)
    W_o(v)  # of the same shape as the mix of values
with FlopCounterMode(display=False) as between_tokens:
    weights = (q @ k.transpose(1, 2) / d**0.5).softmax(dim=-1)
    mixed = weights @ v

print("RNN", recurrent.get_total_flops())
print("RNN both ways", bidirectional.get_total_flops())
print("attention between tokens", between_tokens.get_total_flops())
print("attention with its projections", projections.get_total_flops() + between_tokens.get_total_flops())
