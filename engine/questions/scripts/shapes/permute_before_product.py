import torch

torch.manual_seed(0)
batch, length, heads, d_k = 1, 3, 2, 2
query = torch.randint(0, 5, (batch, length, heads, d_k)).float()  # (B, L, H, d_k)
key = torch.randint(0, 5, (batch, length, heads, d_k)).float()  # (B, L, H, d_k)

not_moved = query @ key.transpose(-2, -1)  # (B, L, H, H): each token's heads meet each other

query_moved = query.permute(0, 2, 1, 3)  # (B, H, L, d_k)
key_moved = key.permute(0, 2, 1, 3)  # (B, H, L, d_k)
scores = query_moved @ key_moved.transpose(-2, -1)  # (B, H, L, L)
head_1_by_hand = query_moved[0, 1] @ key_moved[0, 1].T  # (L, L): head 1 alone
agrees = torch.equal(scores[0, 1], head_1_by_hand)
wrong_shape, right_shape = not_moved.shape, scores.shape
print(wrong_shape, right_shape, agrees)
