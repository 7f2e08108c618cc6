"""examples/fashion.cpp in PyTorch."""

import torch
from common import fashion_mnist, figure, train
from torch import nn

images, labels = fashion_mnist("train")
torch.manual_seed(1)
model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
adam = torch.optim.Adam(model.parameters(), lr=2e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(adam, 0.6)
for _ in range(5):
    train(model, nn.CrossEntropyLoss(), images.flatten(1), labels, adam, 1, 64)
    decay.step()
images, labels = fashion_mnist("t10k")
with torch.no_grad():
    right = model(images.flatten(1)).argmax(1) == labels
figure("test accuracy", right.float().mean())
