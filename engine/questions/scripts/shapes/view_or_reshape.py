import torch

x = torch.arange(6).view(2, 3)  # (L, d_model)
same_memory = x.reshape(3, 2).data_ptr() == x.data_ptr()  # in order: a view
turned = x.transpose(0, 1)  # (d_model, L)
copied_memory = turned.reshape(6).data_ptr() != x.data_ptr()  # not in order: a copy
print(same_memory, copied_memory)
