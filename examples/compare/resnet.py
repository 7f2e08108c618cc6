"""examples/resnet.cpp in PyTorch."""

import torch
from common import accuracy, fashion_mnist, figure
from torch import nn


def convolution(inputs, outputs, kernel, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.change = nn.Sequential(
            convolution(inputs, outputs, 3, stride), nn.ReLU(), convolution(outputs, outputs, 3, 1)
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, stride)

    def forward(self, x):
        return torch.relu(self.shortcut(x) + self.change(x))


torch.manual_seed(1)
images, labels = fashion_mnist("train")
model = nn.Sequential(
    convolution(1, 16, 3, 2), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
)  # fmt: skip
batches = torch.randperm(len(images)).split(64)
sgd = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
schedule = torch.optim.lr_scheduler.OneCycleLR(
    sgd, max_lr=0.1, total_steps=len(batches) + 1, cycle_momentum=False
)
for batch in batches:
    sgd.zero_grad()
    nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
    sgd.step()
    schedule.step()
figure("test accuracy", accuracy(model, *fashion_mnist("t10k")))
