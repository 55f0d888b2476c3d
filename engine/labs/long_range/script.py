import torch
from torch.utils.flop_counter import FlopCounterMode

n = 16
d = 8
radius = None  # of W_hh, its largest |eigenvalue|; None leaves PyTorch's own
seeds = 8
longest = 64  # so many tokens are drawn, so that a longer sentence begins with the shorter one

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)  # so small a layer is slower on several

rnn = torch.nn.RNN(d, d, bidirectional=True)
W_q, W_k, W_v, W_o = (torch.nn.Linear(d, d) for _ in range(4))


def recurrent(x):
    return rnn(x)[0][-1, :d]  # the forward half at the last token


def bidirectional(x):
    return rnn(x)[0][-1]  # both halves at the last token: (2 * d)


def attention(x):
    scores = W_q(x) @ W_k(x).T / d**0.5
    return W_o(scores.softmax(dim=-1) @ W_v(x))[-1]


def influence(encode, words):  # of the first token, the geometric mean over the seeds
    logarithms = []
    for seed in range(seeds):
        tokens = torch.randn(longest, d, generator=torch.Generator().manual_seed(seed))
        draw = torch.Generator().manual_seed(seed)
        for layer in (rnn, W_q, W_k, W_v, W_o):
            for weight in layer.parameters():  # PyTorch's own rule
                torch.nn.init.uniform_(weight, -(d**-0.5), d**-0.5, generator=draw)
        if radius is not None:
            with torch.no_grad():
                own = torch.linalg.eigvals(rnn.weight_hh_l0).abs().max()
                rnn.weight_hh_l0.copy_(rnn.weight_hh_l0 * (radius / own))
        jacobian = torch.autograd.functional.jacobian(encode, tokens[:words])  # (output, words, d)
        logarithms.append(jacobian[:, 0].norm().log())  # Frobenius norm, first token
    return f"{torch.stack(logarithms).mean().exp().item():.3g}"


# %% influence of the first word
for encode in (recurrent, attention):
    for words in (2, n):
        print(encode.__name__, influence(encode, words), "for", words, "words")

# %% read both ways
for words in (2, n):
    print("bidirectional", influence(bidirectional, words), "for", words, "words")

# %% FLOPs of one layer
x = torch.zeros(n, d)
with FlopCounterMode(display=False) as once:
    torch.nn.RNN(d, d)(x)
with FlopCounterMode(display=False) as twice:
    rnn(x)
with FlopCounterMode(display=False) as projections:
    q, k, v = W_q(x), W_k(x), W_v(x)
    W_o(v)  # of the same shape as the mix of values
with FlopCounterMode(display=False) as between_tokens:
    mixed = (q @ k.T / d**0.5).softmax(dim=-1) @ v
print("RNN", once.get_total_flops())
print("RNN both ways", twice.get_total_flops())
print("attention between tokens", between_tokens.get_total_flops())
print("attention with its projections", projections.get_total_flops() + between_tokens.get_total_flops())
