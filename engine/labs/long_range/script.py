import torch

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


logarithms = {}
for seed in range(seeds):
    tokens = torch.randn(longest, d, generator=torch.Generator().manual_seed(seed))
    draw = torch.Generator().manual_seed(seed)
    for layer in (rnn, W_q, W_k, W_v, W_o):
        for weight in layer.parameters():  # PyTorch's own rule
            torch.nn.init.uniform_(weight, -(d**-0.5), d**-0.5, generator=draw)
    if radius is not None:
        with torch.no_grad():
            W_hh = rnn.weight_hh_l0
            W_hh.copy_(W_hh * (radius / torch.linalg.eigvals(W_hh).abs().max()))
    for encode in (recurrent, bidirectional, attention):
        for words in (2, n):
            jacobian = torch.autograd.functional.jacobian(encode, tokens[:words])  # (output, words, d)
            norm = jacobian[:, 0].norm()  # Frobenius norm, first token
            logarithms.setdefault((encode.__name__, words), []).append(norm.log())

for (name, words), values in logarithms.items():  # the geometric mean over the seeds
    print(name, f"{torch.stack(values).mean().exp().item():.3g}", "for", words, "words")
