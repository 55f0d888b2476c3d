import torch

B = 2
H = 2
T = 5
L_k = 6
d_k = 8
kind = "padding"  # "causal" and "both" need L_k = T
fill = float("-inf")  # what a hidden score becomes
padded = 2  # of the last sentence's keys
changed = 2  # a token of the target
left = 2  # padding on the left
visible = 3  # of the keys of one row
raised = 4  # added to a hidden key's score

future = torch.ones(T, T, dtype=torch.bool).triu(diagonal=1)  # True hides: query t sees keys 0..t

# %% what the mask hides
draw = torch.Generator().manual_seed(0)
query = torch.randn(B, H, T, d_k, generator=draw)
key = torch.randn(B, H, L_k, d_k, generator=draw)
scores = query @ key.transpose(-2, -1) / d_k**0.5
padding = torch.zeros(B, 1, 1, L_k, dtype=torch.bool)
padding[-1, ..., L_k - padded :] = True  # the last sentence ends with padding
if kind == "padding":
    mask = padding
elif kind == "causal":
    mask = future.view(1, 1, T, T)
else:
    mask = padding | future  # (B, 1, 1, L_k) and (T, L_k) broadcast
covered = mask.expand_as(scores)  # axes of size 1 repeated
print("a mask", tuple(mask.shape), "hides", covered.sum().item(), "of", scores.numel(), "scores")

# %% what is left of a hidden key
weights = scores.masked_fill(mask, fill).softmax(dim=-1)
print("largest weight of a hidden key:", f"{weights[covered].max().item():.4g}")

# %% 0 after softmax
row = torch.randn(T, generator=torch.Generator().manual_seed(0))
hidden = torch.arange(T) >= visible


def three_ways(scores):
    inside = scores.masked_fill(hidden, float("-inf")).softmax(dim=-1)
    multiplied = scores.softmax(dim=-1) * ~hidden  # by 0, after softmax
    return torch.stack([inside, multiplied, multiplied / multiplied.sum()])


higher = row.clone()
higher[-1] += raised  # the score of a hidden key
ways = three_ways(row)
changes = (three_ways(higher) - ways).abs().amax(dim=-1).tolist()
print("sum of the row multiplied by 0:", f"{ways[1].sum().item():.4g}")
print("divided by it, the row differs from that of -inf by", f"{(ways[2] - ways[0]).abs().max().item():.4g}")
for name, change in zip(("-inf", "multiplied", "renormalised"), changes, strict=True):
    print(name, "lets a hidden score move a weight by", f"{change:.4g}")


# %% what a later token moves
def attention(x, mask):
    weights = (x @ x.T / 16**0.5).masked_fill(mask, float("-inf")).softmax(dim=-1)
    return weights @ x


draw = torch.Generator().manual_seed(0)
x = torch.randn(T, 16, generator=draw)
other = x.clone()
other[changed] = torch.randn(16, generator=draw)
before, after = attention(x, future), attention(other, future)
print("rows that a changed token moves:", [t for t in range(T) if not torch.equal(before[t], after[t])])

# %% a row with nothing left
empty = future | (torch.arange(T) < left)  # padding on the left
for layer in range(3):
    x = attention(x, empty)  # from the second layer on 0 * NaN is NaN
    print("rows with NaN after layer", layer, "are", x.isnan().any(dim=-1).sum().item(), "of", T)
