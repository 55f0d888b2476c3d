from torch import nn


class CausalAttention(nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(self, x):
        B, L, D = x.shape
        q, k, v = self.qkv(x).chunk(3, -1)
        split = (B, L, self.heads, D // self.heads)
        q = q.view(split).transpose(1, 2)
        k = k.view(split).transpose(1, 2)
        v = v.view(split).transpose(1, 2)
        scores = q @ k.transpose(-2, -1)
        future = scores.new_ones(L, L).triu(1) == 1
        scores = scores.masked_fill(future, float("-inf"))
        scaled = scores / q.shape[-1] ** 0.5
        weights = scaled.softmax(-1)
        mixed = weights @ v
        merged = mixed.transpose(1, 2).reshape(B, L, D)
        return self.out(merged)
