"""examples/gaussian_process.cpp in PyTorch, whose multivariate normal has the likelihood."""

import math

import torch
from common import figure

number = torch.arange(24, dtype=torch.float64)
x = torch.where(number < 12, number / 5 - 3.5, number / 5 - 1.5)
y = torch.sin(2 * x) + x / 2
y = y + 0.2 * torch.erfinv(2 * ((number + 0.5) * 0.618).remainder(1) - 1) * math.sqrt(2)

logs = torch.zeros(3, dtype=torch.float64, requires_grad=True)


def log_likelihood():
    length, amplitude, noise = logs.exp()
    covariance = amplitude**2 * torch.exp(-((x[:, None] - x) ** 2) / (2 * length**2))
    covariance = covariance + noise**2 * torch.eye(len(x), dtype=torch.float64)
    return torch.distributions.MultivariateNormal(torch.zeros_like(y), covariance).log_prob(y)


def loss():
    lbfgs.zero_grad()
    negative = -log_likelihood()
    negative.backward()
    return negative


lbfgs = torch.optim.LBFGS([logs], max_iter=100, line_search_fn="strong_wolfe")
lbfgs.step(loss)
length, amplitude, noise = logs.exp()
figure("log marginal likelihood", log_likelihood())
figure("length scale", length)
figure("amplitude", amplitude)
figure("noise", noise)
