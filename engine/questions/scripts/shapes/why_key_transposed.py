import torch

length, d_k = 3, 4
query = torch.arange(12.0).view(length, d_k)  # (L, d_k)
key = torch.ones(length, d_k)  # (L_k, d_k)
key_t = key.transpose(-2, -1)  # (d_k, L_k): each key stands as a column
scores = query @ key_t  # (L, L_k)
by_hand = (query[1] * key[2]).sum()  # one query row times one key row
agrees = bool(scores[1, 2] == by_hand)
query_shape, key_shape, key_t_shape, scores_shape = query.shape, key.shape, key_t.shape, scores.shape
try:
    query @ key
except RuntimeError as error:
    message = str(error)
print(message)
print(scores, by_hand)
