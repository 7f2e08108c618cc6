"""examples/housing.cpp in PyTorch."""

import torch
from common import figure, fit_linear, held_out_r_squared, standardiser, table, train
from torch import nn


def trained(make):
    def fit(inputs, prices):
        standardise = standardiser(inputs)
        model = make()
        adam = torch.optim.Adam(model.parameters(), lr=0.1)
        train(model, nn.MSELoss(), standardise(inputs), prices, adam, 500, len(inputs))
        return lambda x: model(standardise(x))

    return fit


def neuron():
    line = nn.Linear(1, 1)
    nn.init.ones_(line.bias)
    return nn.Sequential(line, nn.ReLU(), nn.Flatten(0))


def network(features, units):
    return nn.Sequential(
        nn.Linear(features, units), nn.ReLU(), nn.Linear(units, 1), nn.Flatten(0)
    )


data = table("boston_without_b.csv.gz")
features, prices = data[:, :-1], data[:, -1]
for name, columns, fit in (
    ("neuron", [5], trained(neuron)),
    ("network of the notes", [5, 10, 7, 11], trained(lambda: network(4, 3))),
    ("linear", list(range(12)), fit_linear),
    ("network", list(range(12)), trained(lambda: network(12, 32))),
):
    figure(f"held-out R^2, {name}", held_out_r_squared(features[:, columns], prices, fit))
