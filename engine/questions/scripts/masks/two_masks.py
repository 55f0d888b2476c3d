import torch

padding = torch.tensor([[False, False, False, True]]).view(1, 1, 1, 4)  # (B, 1, 1, L_k): the same for all queries
causal = torch.ones(4, 4).triu(1).bool().view(1, 1, 4, 4)  # (1, 1, L, L_k): the same for all sentences
both = padding | causal  # (B, 1, L, L_k)
both_shape = both.shape
of_padding, of_causal, of_both = int(padding.expand_as(both).sum()), int(causal.sum()), int(both.sum())
print(both_shape, of_padding, of_causal, of_both)
