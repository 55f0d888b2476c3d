import torch

from engine.labs.bugs.mistakes import MISTAKES, program
from engine.labs.bugs.sublayer import Sublayer, inputs
from engine.labs.bugs.sublayer import attention as right

B = 3
L = 5
L_k = 5
H = 4
d_k = 8
most_padding = 2  # keys of one sentence
crossed = False  # True in the attention to the encoder
others = {"one head": (3, 5, 5, 1, 8, 2), "one word": (3, 1, 1, 4, 8, 0)}  # other B, L, L_k, H, d_k and padding

wrong = program(MISTAKES[0])


def largest_difference(batch, length, keys, heads, d_k, most_padding):
    layer = Sublayer(heads, d_k, seed=0)
    x, memory, padding = inputs(batch, length, keys, heads * d_k, most_padding, seed=0)
    context = memory if crossed else x
    future = None if crossed else torch.ones(length, length, dtype=torch.bool).triu(diagonal=1)
    with torch.no_grad():
        good, bad = (attention(layer, x, context, padding, future) for attention in (right, wrong))
    return (good - bad).abs().max().item()


# %% with these sizes
try:
    print(f"largest difference {largest_difference(B, L, L_k, H, d_k, most_padding):.4g}")
except RuntimeError as error:
    print(error)

# %% with other sizes
for name, sizes in others.items():
    try:
        print(f"{name}: {largest_difference(*sizes):.3g}")
    except RuntimeError:
        print(f"{name}: raises")
