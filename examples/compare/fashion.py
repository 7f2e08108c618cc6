"""examples/fashion.cpp in PyTorch."""

import torch
from common import accuracy, fashion_mnist, figure, train
from torch import nn

images, labels = fashion_mnist("train")
torch.manual_seed(1)
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
adam = torch.optim.Adam(model.parameters(), lr=2e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(adam, 0.6)
for _ in range(5):
    train(model, nn.CrossEntropyLoss(), images, labels, adam, 1, 64)
    decay.step()
figure("test accuracy", accuracy(model, *fashion_mnist("t10k")))
