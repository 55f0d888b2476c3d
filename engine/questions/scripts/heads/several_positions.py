import torch

tokens = ["the", "animal", "was", "tired"]
# Four features a token: 0 and 1 are read by head 0, 2 and 3 by head 1.
key = torch.tensor([[0.0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]])  # (L_k, d_model)
query = torch.tensor([6.0, 0, 6, 0])  # (d_model,): "it" asks: which noun? and: in which state?
head_0 = (key[:, :2] @ query[:2] / 2**0.5).softmax(-1)  # (L_k,)
head_1 = (key[:, 2:] @ query[2:] / 2**0.5).softmax(-1)  # (L_k,)
wide = (key @ query / 4**0.5).softmax(-1)  # (L_k,): one head over all four features
patterns = torch.stack([head_0, head_1, wide])  # (head, L_k)
animal_0, tired_0 = float(head_0[1]), float(head_0[3])
animal_1, tired_1 = float(head_1[1]), float(head_1[3])
animal_wide, tired_wide = float(wide[1]), float(wide[3])
print(patterns)
