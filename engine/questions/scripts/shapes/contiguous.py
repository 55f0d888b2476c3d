import torch

x = torch.arange(6).view(2, 3)  # (L, d_model)
turned = x.transpose(0, 1)  # (d_model, L): the same memory, read in another order
strides, turned_strides = x.stride(), turned.stride()
try:
    turned.view(6)
except RuntimeError as error:
    message = str(error).split(".")[0]
copied = turned.contiguous()  # (d_model, L): the numbers written anew
copied_strides = copied.stride()
in_memory = copied.view(6)
reshaped = turned.reshape(6)  # copies only where it must
same = torch.equal(in_memory, reshaped)
print(message)
print(in_memory, reshaped)
