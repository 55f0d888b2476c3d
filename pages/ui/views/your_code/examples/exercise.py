from torch import nn


class YourAttention(nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(self, x):
        B, L, D = x.shape
        query = self.query(x)
        key = self.key(x)
        value = self.value(x)
        # 1. Split D into heads, and move the heads
        #    in front of the tokens: (B, H, L, d_k).
        # 2. Compare each query with each key:
        #    scores (B, H, L, L), over the root of d_k.
        # 3. Make weights of the scores. Along which
        #    axis do they sum to 1?
        # 4. Mix the values: (B, H, L, d_k).
        # 5. Put the heads together again: (B, L, D).
        mixed = value
        return self.out(mixed)
