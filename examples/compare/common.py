"""What the PyTorch twins of the examples share: the same files, folds and lines of figures."""

import atexit
import gzip
import time
from pathlib import Path

import torch

DATA = Path(__file__).resolve().parent.parent / "data"

start = time.perf_counter()
atexit.register(lambda: print(f"seconds: {time.perf_counter() - start:.3g}"))


def table(name, header=True):
    """The numbers of a CSV file of examples/data."""
    with gzip.open(DATA / name, "rt") as lines:
        if header:
            next(lines)
        return torch.tensor([[float(field) for field in line.split(",")] for line in lines])


def fashion_mnist(part, folder="/usr/share/datasets/fashion-mnist"):
    """Images [n, 1, 28, 28] of 0 ... 1 and labels [n] of Fashion-MNIST, "train" or "t10k"."""
    with gzip.open(f"{folder}/{part}-images-idx3-ubyte.gz") as file:
        images = torch.frombuffer(bytearray(file.read()[16:]), dtype=torch.uint8)
    with gzip.open(f"{folder}/{part}-labels-idx1-ubyte.gz") as file:
        labels = torch.frombuffer(bytearray(file.read()[8:]), dtype=torch.uint8)
    return images.reshape(-1, 1, 28, 28) / 255, labels.long()


def devils_dictionary(path="/usr/share/dictd/devil.dict.dz"):
    """The text as numbers of its characters, to learn from and held out, and how many there are."""
    with gzip.open(path, "rt") as file:
        text = file.read()
    text = text[text.index("ABASEMENT") :]
    characters = sorted(set(text))
    text = torch.tensor([characters.index(c) for c in text])
    known = len(text) * 9 // 10
    return text[:known], text[known:], len(characters)


def windows(text, context, stride):
    """Pieces of a text, and the same pieces one character further on."""
    pieces = text.unfold(0, context + 1, stride)
    return pieces[:, :-1], pieces[:, 1:]


def held_out_predictions(inputs, targets, fit, folds=5):
    """Predictions for every sample by a model fitted without its fold: every fifth sample."""
    predictions = [None] * len(inputs)
    for fold in range(folds):
        held_out = torch.arange(len(inputs)) % folds == fold
        predict = fit(inputs[~held_out], targets[~held_out])
        with torch.no_grad():
            for i, prediction in zip(held_out.nonzero().flatten(), predict(inputs[held_out])):
                predictions[i] = prediction
    return torch.stack(predictions)


def fit_linear(inputs, targets):
    """Least squares with an intercept."""
    with_one = lambda x: torch.nn.functional.pad(x, (0, 1), value=1.0)
    weights = torch.linalg.lstsq(with_one(inputs), targets[:, None]).solution
    return lambda x: (with_one(x) @ weights).flatten()


def held_out_r_squared(inputs, targets, fit, seeds=5):
    """The share of the targets' variance that held-out predictions explain, mean of seeds."""
    unexplained = 0
    for seed in range(1, seeds + 1):
        torch.manual_seed(seed)
        error = held_out_predictions(inputs, targets, fit) - targets
        unexplained += error.square().mean() / seeds
    return 1 - unexplained / targets.var(unbiased=False)


def standardiser(x):
    """Mean 0 and standard deviation 1 over the samples x, for any others."""
    mean, scale = x.mean(0), x.std(0, unbiased=False)
    return lambda other: (other - mean) / scale


def train(model, loss, inputs, targets, optimizer, epochs, batch_size):
    """Epochs of shuffled mini-batches."""
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(batch_size):
            optimizer.zero_grad()
            loss(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()


def accuracy(model, inputs, labels):
    """The share of samples that the model gives the right class, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(some) for some in inputs.split(500)])
    model.train()
    return (logits.argmax(1) == labels).float().mean()


def figure(name, value):
    """The counterpart of a line of report.hpp."""
    print(f"{name}: {float(value):.4g}", flush=True)
