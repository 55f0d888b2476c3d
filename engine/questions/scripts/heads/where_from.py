import torch

source, target, d_model = 5, 3, 8
torch.manual_seed(0)
x, memory, y = torch.randn(source, d_model), torch.randn(source, d_model), torch.randn(target, d_model)
w_q, w_k, w_v = (torch.randn(d_model, d_model) / d_model**0.5 for _ in range(3))


def attend(query_rows, key_rows, causal=False):
    query, key, value = query_rows @ w_q, key_rows @ w_k, key_rows @ w_v
    scores = query @ key.T / d_model**0.5
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), float("-inf"))
    return scores.softmax(-1), value


encoder_self, _ = attend(x, x)  # (S, S)
decoder_self, _ = attend(y, y, causal=True)  # (T, T)
cross, values = attend(y, memory)  # (T, S)
encoder_shape, decoder_shape, cross_shape, values_shape = (
    encoder_self.shape,
    decoder_self.shape,
    cross.shape,
    values.shape,
)
future = float(decoder_self.triu(1).sum())
print(encoder_shape, decoder_shape, cross_shape, values_shape, future)
