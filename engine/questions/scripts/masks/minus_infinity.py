import torch

scores = torch.tensor([2.0, 1.0, 1.5])  # (L_k,): the last key is to be hidden
hidden = torch.tensor([False, False, True])

zeroed = scores.softmax(-1).masked_fill(hidden, 0.0)  # too late: the softmax has divided already
row_sum = float(zeroed.sum())
raised = (scores + torch.tensor([0.0, 0.0, 2.0])).softmax(-1).masked_fill(hidden, 0.0)
moved = float((zeroed - raised).abs().max())  # only the hidden score was changed

weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
right_sum = float(weights.sum())
rows = torch.stack([zeroed, weights])
print(zeroed, row_sum, moved)
print(weights, right_sum)
