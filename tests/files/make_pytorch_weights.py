#!/usr/bin/env python3
"""Writes pytorch_*.safetensors: state dicts of small models under PyTorch's names, and what PyTorch
computes with them. Needs torch (made with 1.13) and NumPy; run it in this folder.

The weights are PyTorch's initial ones, with random biases and scales, so that no 1 or 0 hides a
mistake. pytorch_outputs.safetensors holds an input and its outputs by model.
"""

import json
import struct

import torch
from torch import nn
from torch.nn import functional as F


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5, padding=2)
        self.conv2 = nn.Conv2d(3, 4, 5)
        self.fc1 = nn.Linear(4 * 5 * 5, 12)
        self.fc2 = nn.Linear(12, 11)
        self.fc3 = nn.Linear(11, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        y = self.ln1(x)
        x = x + self.attn(y, y, y, attn_mask=later, need_weights=False)[0]
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary=13, context=7, width=8, heads=2, layers=2):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        y, (h, c) = self.lstm(x)
        return self.head(y), h, c


def save_safetensors(path, tensors, metadata=None):
    """As safetensors.torch.save_file, which Debian does not have."""
    dtypes = {torch.float32: "F32", torch.int64: "I64"}
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": dtypes[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def randomized(model):
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.copy_(0.5 * torch.randn_like(parameter))
    return model.eval()


def main():
    torch.manual_seed(1)
    lenet, gpt, tagger = randomized(LeNet()), randomized(GPT()), randomized(Tagger())
    images, ids, series = torch.randn(2, 1, 28, 28), torch.randint(0, 13, (2, 7)), torch.randn(2, 4, 5)
    with torch.no_grad():
        scores, h, c = tagger(series)
        outputs = {
            "lenet.x": images, "lenet.y": lenet(images),
            "gpt.x": ids, "gpt.y": gpt(ids),
            "lstm.x": series, "lstm.y": scores, "lstm.h": h, "lstm.c": c,
        }
    save_safetensors("pytorch_lenet.safetensors", lenet.state_dict(), {"format": "pt"})
    # as a model in nn.DataParallel is called, and with one name for the tied weight, as
    # safetensors.torch.save_model leaves it
    shared = {"module." + name: w for name, w in gpt.state_dict().items() if name != "head.weight"}
    save_safetensors("pytorch_gpt.safetensors", shared, {"format": "pt"})
    save_safetensors("pytorch_lstm.safetensors", tagger.state_dict(), {"format": "pt"})
    save_safetensors("pytorch_outputs.safetensors", outputs)


if __name__ == "__main__":
    main()
