"""examples/autoencoder.cpp in PyTorch."""

import torch
from common import fashion_mnist, figure, train
from torch import nn

CODE = 16

images, test = (fashion_mnist(part)[0].flatten(1) for part in ("train", "t10k"))
centre = images.mean(0)
covariance = (images - centre).T @ (images - centre) / len(images)
directions = torch.linalg.eigh(covariance).eigenvectors[:, -CODE:]
linear = centre + (test - centre) @ directions @ directions.T

torch.manual_seed(1)
model = nn.Sequential(
    nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, CODE),
    nn.Linear(CODE, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid(),
)  # fmt: skip
adam = torch.optim.Adam(model.parameters(), lr=1e-3)
train(model, nn.functional.mse_loss, images, images, adam, 5, 128)
with torch.no_grad():
    learned = model(test)
for name, restored in ("principal components", linear), ("autoencoder", learned):
    figure(f"squared error a pixel, {name}", nn.functional.mse_loss(restored, test))
