"""examples/wine.cpp in PyTorch."""

import torch
from common import figure, held_out_predictions, standardiser, table, train
from torch import nn


def held_out_accuracy(preparation):
    def fit(inputs, cultivar):
        prepare = preparation(inputs)
        model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
        adam = torch.optim.Adam(model.parameters(), lr=0.01)
        train(model, nn.CrossEntropyLoss(), prepare(inputs), cultivar, adam, 10, 16)
        return lambda x: model(prepare(x)).argmax(1)

    right = []
    for seed in range(1, 6):
        torch.manual_seed(seed)
        right.append((held_out_predictions(analyses, cultivar, fit) == cultivar).float().mean())
    return sum(right) / len(right)


data = table("wine.csv.gz")
analyses, cultivar = data[:, :-1], data[:, -1].long()
figure("held-out accuracy, as measured", held_out_accuracy(lambda _: lambda x: x))
figure("held-out accuracy, standardised", held_out_accuracy(standardiser))
