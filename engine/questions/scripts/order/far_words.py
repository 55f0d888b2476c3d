import torch

torch.manual_seed(0)
words, width = 24, 16
x = torch.randn(1, words, width, requires_grad=True)  # (B, L, d_model)
rnn = torch.nn.RNN(width, width, batch_first=True)
states, _ = rnn(x)
(by_rnn,) = torch.autograd.grad(states[0, -1].sum(), x)
weights = (x @ x.transpose(1, 2) / width**0.5).softmax(-1)
(by_attention,) = torch.autograd.grad((weights @ x)[0, -1].sum(), x)
steps = words - 1  # between the first word and the last, in the RNN
apart = torch.tensor([1, 2, 4, 8, 16, steps])
path_lengths = torch.stack([apart, torch.ones_like(apart)])  # a state for each word between; one product
rnn_first, rnn_last = float(by_rnn[0, 0].norm()), float(by_rnn[0, -1].norm())
attention_first = float(by_attention[0, 0].norm())
print(rnn_first, rnn_last, attention_first)
