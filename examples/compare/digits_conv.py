"""examples/digits_conv.cpp in PyTorch."""

import torch
from common import accuracy, figure, table, train
from torch import nn

data = table("digits.csv.gz", header=False)
images, labels = data[:, :64].reshape(-1, 1, 8, 8) / 16, data[:, 64].long()
held_out = torch.arange(len(images)) % 5 == 0

reached = []
for seed in range(1, 4):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 20)
    for _ in range(20):
        train(model, nn.functional.cross_entropy, images[~held_out], labels[~held_out], adam, 1, 32)
        schedule.step()
    reached.append(accuracy(model, images[held_out], labels[held_out]))
figure("held-out accuracy", sum(reached) / len(reached))
