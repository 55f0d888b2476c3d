import torch

d_model = 512
attention = torch.nn.MultiheadAttention(d_model, num_heads=8, bias=False)
one_head = torch.nn.MultiheadAttention(d_model, num_heads=1, bias=False)
count = sum(p.numel() for p in attention.parameters())
of_one_head = sum(p.numel() for p in one_head.parameters())
four_squares = 4 * d_model**2
print(count, of_one_head, four_squares)
