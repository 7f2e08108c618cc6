"""examples/names.cpp in PyTorch."""

import gzip

import torch
from common import figure, train
from torch import nn

CONTEXT = 3


class Speller(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Embedding(27, 10)
        self.hidden = nn.Linear(CONTEXT * 10, 100)
        self.head = nn.Linear(100, 27)

    def forward(self, contexts):
        return self.head(torch.tanh(self.hidden(self.features(contexts).flatten(1))))


def windows(names):
    contexts, targets = [], []
    for name in names:
        codes = [0] * CONTEXT + [ord(c) - ord("a") + 1 for c in name] + [0]
        for i in range(CONTEXT, len(codes)):
            contexts.append(codes[i - CONTEXT : i])
            targets.append(codes[i])
    return torch.tensor(contexts), torch.tensor(targets)


with gzip.open("/usr/share/dict/propernames.gz", "rt") as lines:
    names = [line.strip().lower() for line in lines]
names = [name for name in names if name.isascii() and name.isalpha()]
known = windows([name for i, name in enumerate(names) if i % 10])
held_out = windows(names[::10])

losses = []
for seed in range(1, 4):
    torch.manual_seed(seed)
    model = Speller()
    adam = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 20)
    for _ in range(20):
        train(model, nn.functional.cross_entropy, *known, adam, 1, 32)
        schedule.step()
    with torch.no_grad():
        losses.append(nn.functional.cross_entropy(model(held_out[0]), held_out[1]))
figure("held-out nats a character", sum(losses) / len(losses))
