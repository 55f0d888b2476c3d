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

wrong = program(MISTAKES[0])

layer = Sublayer(H, d_k, seed=0)
x, memory, padding = inputs(B, L, L_k, H * d_k, most_padding, seed=0)
context = memory if crossed else x
future = None if crossed else torch.ones(L, L, dtype=torch.bool).triu(diagonal=1)

with torch.no_grad():
    good = right(layer, x, context, padding, future)
    try:
        bad = wrong(layer, x, context, padding, future)
        print(f"largest difference {(good - bad).abs().max().item():.4g}")
    except RuntimeError as error:
        print(error)
