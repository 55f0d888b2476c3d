import torch

largest = []
for size in (1.0, 4.0, 8.0, 16.0):
    scores = torch.tensor([size, 0.0], dtype=torch.float64, requires_grad=True)
    p = scores.softmax(-1)[0]
    p.backward()
    gradient = float(scores.grad[0])  # d p / d score is p (1 - p)
    largest.append((size, p.item(), gradient))
table = torch.tensor(largest)  # (row, score · weight p · gradient)
small, large = largest[0][2], largest[-1][2]
p_small, p_large = largest[0][1], largest[-1][1]
rest = 1 - p_large
by_formula = p_large * (1 - p_large)
print(table)
