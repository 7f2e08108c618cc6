"""examples/diabetes.cpp in PyTorch."""

import torch
from common import figure, fit_linear, held_out_r_squared, standardiser, table, train
from torch import nn


def fit_network(inputs, progression):
    standardise, scaled = standardiser(inputs), standardiser(progression)
    mean, scale = progression.mean(), progression.std(unbiased=False)
    model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0))
    adam = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.3)
    train(model, nn.MSELoss(), standardise(inputs), scaled(progression), adam, 100, 32)
    return lambda x: model(standardise(x)) * scale + mean


data = table("diabetes.csv.gz")
measurements, progression = data[:, :-1], data[:, -1]
figure("held-out R^2, linear", held_out_r_squared(measurements, progression, fit_linear))
figure("held-out R^2, network", held_out_r_squared(measurements, progression, fit_network))
