"""examples/tiny_gpt.cpp in PyTorch."""

import torch
from common import devils_dictionary, figure, windows
from torch import nn

CONTEXT, WIDTH, STEPS = 64, 64, 1000


class Gpt(nn.Module):
    def __init__(self, characters):
        super().__init__()
        self.features, self.places = nn.Embedding(characters, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        for table in self.features, self.places:
            nn.init.normal_(table.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 4 * WIDTH, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 4, nn.LayerNorm(WIDTH))
        self.head = nn.Linear(WIDTH, characters)

    def forward(self, characters):
        length = characters.shape[1]
        x = self.features(characters) + self.places(torch.arange(length))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        return self.head(self.layers(x, mask))


def loss(model, inputs, targets):
    return nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


known, held_out, characters = devils_dictionary()
inputs, targets = windows(known, CONTEXT, 8)
torch.manual_seed(1)
model = Gpt(characters)
adam = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
schedule = torch.optim.lr_scheduler.OneCycleLR(
    adam, max_lr=3e-3, total_steps=STEPS + 1, pct_start=0.1, cycle_momentum=False
)
for batch in torch.randperm(len(inputs)).split(32)[:STEPS]:
    adam.zero_grad()
    loss(model, inputs[batch], targets[batch]).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1)
    adam.step()
    schedule.step()
with torch.no_grad():
    figure("held-out nats a character", loss(model, *windows(held_out, CONTEXT, CONTEXT)))
