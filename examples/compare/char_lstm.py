"""examples/char_lstm.cpp in PyTorch."""

import torch
from common import devils_dictionary, figure, windows
from torch import nn

STEPS = 600


class Writer(nn.Module):
    def __init__(self, characters, units=128):
        super().__init__()
        self.features = nn.Embedding(characters, 32)
        self.lstm = nn.LSTM(32, units, batch_first=True)
        self.head = nn.Linear(units, characters)

    def forward(self, characters):
        return self.head(self.lstm(self.features(characters))[0])


def loss(model, inputs, targets):
    return nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


known, held_out, characters = devils_dictionary()
inputs, targets = windows(known, 64, 16)
torch.manual_seed(1)
model = Writer(characters)
adam = torch.optim.Adam(model.parameters(), lr=1e-2)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
for batch in torch.randperm(len(inputs)).split(32)[:STEPS]:
    adam.zero_grad()
    loss(model, inputs[batch], targets[batch]).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1)
    adam.step()
    schedule.step()
with torch.no_grad():
    figure("held-out nats a character", loss(model, *windows(held_out, 256, 256)))
