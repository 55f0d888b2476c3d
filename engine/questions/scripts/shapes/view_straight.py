import torch

batch, length, heads, d_k = 1, 5, 4, 8
x = torch.arange(batch * length * heads * d_k).view(batch, length, heads * d_k)  # (B, L, H*d_k)
permuted = x.view(batch, length, heads, d_k).permute(0, 2, 1, 3)  # (B, H, L, d_k)
viewed = x.view(batch, heads, length, d_k)  # (B, H, L, d_k)
total = x.numel()
same = int((permuted == viewed).sum())
wrong = total - same
row_token = viewed // (heads * d_k)  # (B, H, L, d_k): which token each number is from
owners = ", ".join(str(row.unique().item()) for row in row_token[0, 0])  # of head 0, row by row
print(same, wrong, owners)
