"""examples/lbfgs_rosenbrock.cpp in PyTorch."""

import torch
from common import figure


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(0)


def start(copies=1):
    return torch.tensor([-1.2, 1.0] * copies, dtype=torch.float64, requires_grad=True)


def minimum(x, optimizer, steps):
    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(x)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return rosenbrock(x)


x = start()
figure("gradient descent", minimum(x, torch.optim.SGD([x], lr=1e-3), 2000))
x = start()
figure("Adam", minimum(x, torch.optim.Adam([x], lr=0.02), 2000))
x = start()
lbfgs = torch.optim.LBFGS([x], max_iter=1, line_search_fn="strong_wolfe")
figure("L-BFGS", minimum(x, lbfgs, 36))
x = start(50)
lbfgs = torch.optim.LBFGS([x], max_iter=1000, line_search_fn="strong_wolfe")
figure("L-BFGS in 100 dimensions", minimum(x, lbfgs, 1))
figure("evaluations", lbfgs.state[x]["func_evals"])
