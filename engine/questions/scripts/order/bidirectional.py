import torch

torch.manual_seed(0)
width = 3
rnn = torch.nn.RNN(4, width, bidirectional=True, batch_first=True)
x = torch.randn(1, 5, 4)  # (B, L, d_model)
states, last = rnn(x)  # (B, L, 2*width), (2, B, width)
forward, backward = states[..., :width], states[..., width:]
forward_ends = torch.equal(forward[:, -1], last[0])  # the forward one has read everything at the last word
backward_ends = torch.equal(backward[:, 0], last[1])  # the backward one at the first
states_shape, double = states.shape, 2 * width
print(states_shape, forward_ends, backward_ends)
