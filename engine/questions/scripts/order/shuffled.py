import torch

torch.manual_seed(0)
x = torch.randn(4, 8, dtype=torch.float64)  # (L, d_model)
position = torch.randn(4, 8, dtype=torch.float64)  # (L, d_model)
order = torch.tensor([2, 0, 3, 1])


def attend(x):
    return (x @ x.T / 8**0.5).softmax(-1) @ x


without = torch.allclose(attend(x[order]), attend(x)[order])  # the rows move with their words
with_positions = torch.allclose(attend(x[order] + position), attend(x + position)[order])
moved = float((attend(x[order] + position) - attend(x + position)[order]).abs().max())
print(without, with_positions, moved)
