import torch

x = torch.randn(2, 3, 4)  # (B, L, d_model)
swapped = x.transpose(0, 1)  # two axes change places
arranged = x.permute(1, 0, 2)  # all axes, in their new order
same = torch.equal(swapped, arranged)
turned = x.permute(2, 0, 1)  # three axes move: two transposes would be needed
shape, swapped_shape, turned_shape = x.shape, swapped.shape, turned.shape
swapped_stride, arranged_stride = swapped.stride(), arranged.stride()
print(same, swapped_stride, arranged_stride, turned_shape)
