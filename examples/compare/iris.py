"""examples/iris.cpp in PyTorch."""

import torch
from common import figure, held_out_predictions, standardiser, table, train
from torch import nn


def fit(inputs, species):
    standardise = standardiser(inputs)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    adam = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-3)
    train(model, nn.CrossEntropyLoss(), standardise(inputs), species, adam, 200, len(inputs))
    return lambda x: model(standardise(x)).argmax(1)


data = table("iris.csv.gz")
lengths, species = data[:, :-1], data[:, -1].long()
right = []
for seed in range(1, 6):
    torch.manual_seed(seed)
    right.append((held_out_predictions(lengths, species, fit) == species).float().mean())
figure("held-out accuracy", sum(right) / len(right))
