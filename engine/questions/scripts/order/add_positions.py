import torch

x = torch.randn(1, 5, 32)  # (B, L, d_model)
position = torch.randn(5, 32)  # (L, d_model)
added = x + position  # (B, L, d_model)
appended = torch.cat([x, position.expand(1, 5, 32)], -1)  # (B, L, 2*d_model)
added_shape, appended_shape = added.shape, appended.shape
w_q_added, w_q_appended = 32 * 32, 64 * 32
print(added_shape, appended_shape)
