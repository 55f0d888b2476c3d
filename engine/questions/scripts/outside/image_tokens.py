import torch
from einops import rearrange

channels, height, width, patch = 3, 32, 32, 8
image = torch.randn(1, channels, height, width)  # (B, C, Hpx, Wpx)
tokens = rearrange(image, "B C (h p) (w q) -> B (h w) (p q C)", p=patch, q=patch)  # (B, N, p*p*C)
count, features = height * width // patch**2, patch**2 * channels
with_class = torch.cat([torch.zeros(1, 1, features), tokens], 1)  # (B, 1 + N, p*p*C)
tokens_shape, with_class_shape = tokens.shape, with_class.shape
print(tokens_shape, with_class_shape)
