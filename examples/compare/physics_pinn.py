"""examples/physics_pinn.cpp in PyTorch."""

import math

import torch
from common import figure
from torch import nn

VISCOSITY = 0.03

torch.manual_seed(1)
network = nn.Sequential(
    nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(),
    nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1),
)  # fmt: skip


def solution(x, t):
    return t * (1 - x**2) * network(torch.cat([x, t], 1)) - torch.sin(math.pi * x)


def residual(x, t):
    u = solution(x, t)
    u_x, u_t = torch.autograd.grad(u.sum(), (x, t), create_graph=True)
    (u_xx,) = torch.autograd.grad(u_x.sum(), x, create_graph=True)
    return u_t + u * u_x - VISCOSITY * u_xx


def exact(x, t):
    z = torch.linspace(-6, 6, 400)
    y = x - torch.sqrt(4 * VISCOSITY * t) * z
    weights = torch.softmax(-torch.cos(math.pi * y) / (2 * math.pi * VISCOSITY) - z**2, 1)
    return -(weights * torch.sin(math.pi * y)).sum(1, keepdim=True)


adam = torch.optim.Adam(network.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 2000)
for _ in range(2000):
    x = (2 * torch.rand(512, 1) - 1).requires_grad_()
    t = torch.rand(512, 1).requires_grad_()
    adam.zero_grad()
    residual(x, t).square().mean().backward()
    adam.step()
    schedule.step()

with torch.no_grad():
    x = torch.linspace(-1, 1, 101).repeat(101)[:, None]
    t = torch.linspace(0, 1, 101).repeat_interleave(101)[:, None]
    truth = exact(x, t)
    figure("relative L2 error", (solution(x, t) - truth).norm() / truth.norm())
