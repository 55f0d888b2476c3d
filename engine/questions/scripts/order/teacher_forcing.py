import torch

target = ["<bos>", "2", "0", "2", "6", "<eos>"]
decoder_input = target[:-1]  # what is read
label = target[1:]  # what is to be written after it
pairs = ", ".join(f"{read} → {write}" for read, write in zip(decoder_input, label, strict=True))
logits = torch.randn(1, len(label), 12)  # (B, T, V)
labels = torch.zeros(1, len(label), dtype=torch.long)  # (B, T)
loss = torch.nn.functional.cross_entropy(logits.view(-1, 12), labels.view(-1))
rows = logits.view(-1, 12).shape
print(pairs, rows)
