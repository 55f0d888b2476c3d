import torch

scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])  # (L, L_k)
over_keys = scores.softmax(-1)  # (L, L_k)
over_queries = scores.softmax(-2)  # (L, L_k)
rows, wrong_rows = over_keys.sum(-1), over_queries.sum(-1)
row, wrong_row = float(rows[0]), float(wrong_rows[0])
print(rows, wrong_rows)
