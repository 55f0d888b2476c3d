import torch

B = 1
L = 4
H = 3
d_k = 4

# %% the straight view beside the permute
x = torch.arange(B * L * H * d_k).view(B, L, H * d_k)  # every number says where it came from

right = x.view(B, L, H, d_k).permute(0, 2, 1, 3)  # cut each row into heads, then move the heads
wrong = x.view(B, H, L, d_k)  # straight into the shape

print("shapes", tuple(right.shape), "and", tuple(wrong.shape))
print((right == wrong).sum().item(), "of", x.numel(), "numbers in the same place")

# %% whose features stand in a row
row = min(1, L - 1)
print(f"row {row} of head 0 is made of tokens", (wrong[0, 0, row] // (H * d_k)).unique().tolist())


# %% attention on both routes
def attention(query, key, value):
    return (query @ key.transpose(-2, -1) / d_k**0.5).softmax(dim=-1) @ value


query, key, value = torch.randn(3, B, L, H * d_k, generator=torch.Generator().manual_seed(0))
cut = (rows.view(B, L, H, d_k).permute(0, 2, 1, 3) for rows in (query, key, value))
straight = (rows.view(B, H, L, d_k) for rows in (query, key, value))
merged = attention(*cut).permute(0, 2, 1, 3).reshape(B, L, H * d_k)
difference = (merged - attention(*straight).reshape(B, L, H * d_k)).abs().max().item()
print(f"after merging the heads the outputs differ by up to {difference:.4g}")

# %% all heads at once, and head by hand
# matmul multiplies the last two axes: the heads in front are computed each for itself.
query, key = torch.randint(0, 5, (2, H, L, d_k), generator=torch.Generator().manual_seed(0))
at_once = query @ key.transpose(-2, -1)  # (H, L, L)
by_hand = torch.stack([query[head] @ key[head].T for head in range(H)])
print("scores", tuple(at_once.shape), "at once and head by hand the same:", torch.equal(at_once, by_hand))
