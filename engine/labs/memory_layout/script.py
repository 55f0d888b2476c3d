import torch

L = 4
H = 3
d_k = 2
index = (0, 1, 1)  # of the number that is written in the end

# %% what moved
query = torch.arange(L * H * d_k).view(L, H, d_k)  # each number is its place in memory
moved = query.transpose(0, 1)

print("strides", query.stride(), "->", moved.stride())
print("the same memory:", moved.data_ptr() == query.data_ptr())
print("read in the order", moved.flatten().tolist())

# %% what view merges
try:
    print("view:", tuple(moved.view(-1).shape))
except RuntimeError as error:
    print("view:", error)

# %% what contiguous copies
copied = moved.contiguous()
print("contiguous:", "no copy" if copied.data_ptr() == moved.data_ptr() else f"a copy of {copied.nbytes} bytes")

moved[index] = -1
print("read in query:", (query == -1).any().item(), "in copied:", (copied == -1).any().item())
