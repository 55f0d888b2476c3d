import torch
from torch.nn.functional import cross_entropy

T = 8
V = 12
padding = 2  # of the last tokens
seed = 0

draw = torch.Generator().manual_seed(seed)
tokens = torch.randint(1, V, (T,), generator=draw)
logits = torch.randn(T, V, generator=draw)
tokens[T - padding :] = 0
text = T - padding
logits[torch.arange(text - 1), tokens[1:text]] += 4  # it has learned to like the next token

ignored = torch.tensor([-100])
labels = torch.cat([torch.where(tokens == 0, -100, tokens)[1:], ignored])  # logits t beside label t + 1
# %% the terms of the loss
for t in range(T):
    if labels[t] != -100:
        term = -logits[t].log_softmax(dim=-1)[labels[t]]
        print(f"position {t}: token {tokens[t].item()} then {labels[t].item()}, term {term.item():.4g}")
print("positions that count", (labels != -100).sum().item(), "of", T)
print(f"loss {cross_entropy(logits, labels).item():.5g}")  # ignore_index is -100 unless said

# %% held to the wrong label
print(f"padding counted {cross_entropy(logits[:-1], tokens[1:]).item():.5g}")
unshifted = torch.where(tokens == 0, -100, tokens)
print(f"not shifted {cross_entropy(logits, unshifted).item():.5g}")
twice = torch.cat([labels[1:], ignored])
print(f"shifted twice {cross_entropy(logits, twice).item():.5g}")
