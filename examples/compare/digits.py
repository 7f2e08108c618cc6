"""examples/digits.cpp in PyTorch."""

import torch
from common import figure, table, train
from torch import nn

data = table("digits.csv.gz", header=False)
images, labels = data[:, :64] / 16, data[:, 64].long()
held_out = torch.arange(len(images)) % 5 == 0

torch.manual_seed(1)
model = nn.Sequential(
    nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10)
)
adam = torch.optim.Adam(model.parameters(), lr=2e-3)
train(model, nn.CrossEntropyLoss(), images[~held_out], labels[~held_out], adam, 30, 32)
with torch.no_grad():
    right = model(images[held_out]).argmax(1) == labels[held_out]
figure("held-out accuracy", right.float().mean())
