import torch

vocabulary, d_model = 1000, 64
embedding = torch.nn.Embedding(vocabulary, d_model)
logits = torch.nn.Linear(d_model, vocabulary, bias=False)
before = sum(p.numel() for p in torch.nn.ModuleList([embedding, logits]).parameters())
logits.weight = embedding.weight  # one parameter, two uses
after = sum(p.numel() for p in torch.nn.ModuleList([embedding, logits]).parameters())
print(before, after)
