"""examples/spiral.cpp in PyTorch; the points are drawn anew."""

import math

import torch
from common import figure
from torch import nn


def spiral(n):
    arm = torch.arange(3).repeat_interleave(n)
    radius = torch.rand(3 * n)
    angle = 5 * radius + 2 * math.pi / 3 * arm + 0.2 * torch.randn(3 * n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), arm


def train(model, points, arms):
    adam = torch.optim.AdamW(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 1000)
    for _ in range(1000):
        adam.zero_grad()
        nn.functional.cross_entropy(model(points), arms).backward()
        adam.step()
        schedule.step()


torch.manual_seed(1)
data, (points, arms) = spiral(100), spiral(1000)
linear = nn.Linear(2, 3)
network = nn.Sequential(
    nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3)
)
for name, model in ("linear", linear), ("network", network):
    train(model, *data)
    figure(f"held-out accuracy, {name}", (model(points).argmax(1) == arms).float().mean())
