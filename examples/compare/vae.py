"""examples/vae.cpp in PyTorch."""

import torch
from common import fashion_mnist, figure
from torch import nn

UNITS, CODE = 400, 20


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(784, UNITS)
        self.mean = nn.Linear(UNITS, CODE)
        self.log_variance = nn.Linear(UNITS, CODE)
        self.decoder = nn.Linear(CODE, UNITS)
        self.head = nn.Linear(UNITS, 784)

    def forward(self, images, noise):
        hidden = torch.relu(self.encoder(images))
        mu, log_variance = self.mean(hidden), self.log_variance(hidden)
        codes = mu + torch.exp(0.5 * log_variance) * noise
        logits = self.head(torch.relu(self.decoder(codes)))
        lost = nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        divergence = 0.5 * (mu.square() + log_variance.exp() - log_variance - 1).sum()
        return (lost + divergence) / len(images)


torch.manual_seed(1)
images, test = (fashion_mnist(part)[0].flatten(1) for part in ("train", "t10k"))
model = Vae()
adam = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(8):
    for batch in torch.randperm(len(images)).split(128):
        adam.zero_grad()
        model(images[batch], torch.randn(len(batch), CODE)).backward()
        adam.step()
with torch.no_grad():
    figure("nats an image, at most", model(test, torch.randn(len(test), CODE)))
