"""examples/fashion_lenet.cpp in PyTorch."""

import torch
from common import accuracy, fashion_mnist, figure, train
from torch import nn

torch.manual_seed(1)
model = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)  # fmt: skip
adam = torch.optim.Adam(model.parameters(), lr=2e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 3)
images, labels = fashion_mnist("train")
for _ in range(3):
    train(model, nn.functional.cross_entropy, images, labels, adam, 1, 64)
    schedule.step()
figure("test accuracy", accuracy(model, *fashion_mnist("t10k")))
