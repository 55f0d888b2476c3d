import torch

key = torch.randn(2, 3)  # (H_kv, d_k)
expanded = key.view(2, 1, 3).expand(2, 4, 3)  # (H_kv, G, d_k): stride 0, nothing is copied
repeated = key.view(2, 1, 3).repeat(1, 4, 1)  # (H_kv, G, d_k): written four times
same = torch.equal(expanded, repeated)
expanded_stride, repeated_stride = expanded.stride(), repeated.stride()
expanded_bytes = expanded.untyped_storage().nbytes()
repeated_bytes = repeated.untyped_storage().nbytes()
print(same, expanded_stride, expanded_bytes, repeated_bytes)
