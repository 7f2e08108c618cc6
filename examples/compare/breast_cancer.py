"""examples/breast_cancer.cpp in PyTorch."""

import torch
from common import figure, held_out_predictions, standardiser, table, train
from torch import nn


def fit(inputs, targets):
    standardise = standardiser(inputs)
    model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    adam = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
    train(model, nn.BCEWithLogitsLoss(), standardise(inputs), targets, adam, 30, 32)
    return lambda x: model(standardise(x)) > 0


data = table("breast_cancer.csv.gz")
inputs, benign = data[:, :-1], data[:, -1]
accuracy = []
for seed in range(1, 6):
    torch.manual_seed(seed)
    predicted = held_out_predictions(inputs, benign, fit)
    accuracy.append((predicted == (benign > 0)).float().mean())
figure("held-out accuracy", sum(accuracy) / len(accuracy))
