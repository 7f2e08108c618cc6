"""examples/moons.cpp in PyTorch; the points are drawn anew."""

import math

import torch
from common import figure
from torch import nn


def moons(n):
    angle, lower = math.pi * torch.rand(n), (torch.rand(n) < 0.5).float()
    upper_moon = torch.stack([angle.cos(), angle.sin()], 1)
    lower_moon = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    points = torch.where(lower[:, None] > 0, lower_moon, upper_moon)
    return points + 0.15 * torch.randn(n, 2), lower


def trained(model, inputs, targets):
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(1000):
        adam.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(inputs), targets).backward()
        adam.step()
    return model


torch.manual_seed(1)
train, (inputs, targets) = moons(400), moons(2000)
line = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
network = nn.Sequential(
    nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0)
)
for name, model in ("line", line), ("network", network):
    predicted = trained(model, *train)(inputs) > 0
    figure(f"held-out accuracy, {name}", (predicted == (targets > 0)).float().mean())
