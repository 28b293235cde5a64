#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Graphs like those of detectors that people use, with random weights, to measure inference on: yolo.pt (the layers of
YOLOv8n, traced), vit.pt (a plain transformer on patches of 16×16 pixels, 12 layers of 384 channels, traced), both for
416×416. And the ONNX files of TorchScript files, for onnx_runtime.js.

Needs python3-torch. Usage: graphs.py FOLDER
                            graphs.py --onnx MODEL.pt WIDTHxHEIGHT FILE.onnx
"""
import json
import sys
import warnings

import torch
from torch import nn

SIDE, CLASSES = 416, 80


def unit(inputs, outputs, size=1, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU(inplace=True))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.units = nn.Sequential(unit(channels, channels, 3), unit(channels, channels, 3))

    def forward(self, x):
        return x + self.units(x)


class Stage(nn.Module):
    """Half of the channels go through residual blocks, all of whose results are kept."""

    def __init__(self, inputs, outputs, blocks):
        super().__init__()
        half = outputs // 2
        self.first, self.last = unit(inputs, outputs), unit((2 + blocks) * half, outputs)
        self.blocks = nn.ModuleList([Residual(half) for _ in range(blocks)])

    def forward(self, x):
        parts = list(self.first(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Yolo(nn.Module):
    def __init__(self):
        super().__init__()
        self.fine = nn.Sequential(unit(3, 16, 3, 2), unit(16, 32, 3, 2), Stage(32, 32, 1), unit(32, 64, 3, 2), Stage(64, 64, 2))
        self.middle = nn.Sequential(unit(64, 128, 3, 2), Stage(128, 128, 2))
        self.coarse = nn.Sequential(unit(128, 256, 3, 2), Stage(256, 256, 1))
        self.narrow, self.pool, self.wide = unit(256, 128), nn.MaxPool2d(5, 1, 2), unit(512, 256)
        self.up, self.up_middle, self.up_fine = nn.Upsample(scale_factor=2), Stage(384, 128, 1), Stage(192, 64, 1)
        self.to_middle, self.down_middle = unit(64, 64, 3, 2), Stage(192, 128, 1)
        self.to_coarse, self.down_coarse = unit(128, 128, 3, 2), Stage(384, 256, 1)
        self.boxes = nn.ModuleList([self.head(c, 64, 64) for c in (64, 128, 256)])
        self.classes = nn.ModuleList([self.head(c, 80, CLASSES) for c in (64, 128, 256)])
        self.register_buffer("bins", torch.arange(16.0).view(1, 1, 16, 1))

    @staticmethod
    def head(inputs, channels, outputs):
        return nn.Sequential(unit(inputs, channels, 3), unit(channels, channels, 3), nn.Conv2d(channels, outputs, 1))

    def forward(self, x):
        fine = self.fine(x)
        middle = self.middle(fine)
        pooled = [self.narrow(self.coarse(middle))]
        for _ in range(3):
            pooled.append(self.pool(pooled[-1]))
        coarse = self.wide(torch.cat(pooled, 1))
        middle = self.up_middle(torch.cat([self.up(coarse), middle], 1))
        fine = self.up_fine(torch.cat([self.up(middle), fine], 1))
        middle = self.down_middle(torch.cat([self.to_middle(fine), middle], 1))
        coarse = self.down_coarse(torch.cat([self.to_coarse(middle), coarse], 1))
        found = [self.candidates(i, level) for i, level in enumerate((fine, middle, coarse))]
        return torch.cat(found, 2)

    def candidates(self, i, level):
        stride, (height, width) = 8.0 * 2**i, level.shape[2:]
        cells = height * width
        left, up, right, down = (self.boxes[i](level).reshape(1, 4, 16, cells).softmax(2) * self.bins).sum(2).unbind(1)
        y = (torch.arange(height) + 0.5).view(height, 1).expand(height, width).reshape(1, cells)
        x = (torch.arange(width) + 0.5).view(1, width).expand(height, width).reshape(1, cells)
        box = torch.stack([x + (right - left) / 2, y + (down - up) / 2, left + right, up + down], 1) * stride
        return torch.cat([box, self.classes[i](level).reshape(1, CLASSES, cells).sigmoid()], 1)


class Layer(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.norm, self.qkv, self.out = nn.LayerNorm(channels), nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mix = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))

    def forward(self, x):
        batch, tokens, channels = x.shape
        each = channels // self.heads
        q, k, v = self.qkv(self.norm(x)).reshape(batch, tokens, 3, self.heads, each).permute(2, 0, 3, 1, 4).unbind(0)
        seen = (q @ k.transpose(-2, -1) / each**0.5).softmax(-1) @ v
        x = x + self.out(seen.transpose(1, 2).reshape(batch, tokens, channels))
        return x + self.mix(x)


class Vit(nn.Module):
    def __init__(self, channels=384, layers=12):
        super().__init__()
        self.patches = nn.Conv2d(3, channels, 16, 16)
        self.places = nn.Parameter(torch.randn(1, (SIDE // 16) ** 2, channels) * 0.02)
        self.layers = nn.Sequential(*[Layer(channels, 6) for _ in range(layers)], nn.LayerNorm(channels))
        self.boxes, self.classes = nn.Linear(channels, 4), nn.Linear(channels, CLASSES)

    def forward(self, x):
        tokens = self.layers(self.patches(x).flatten(2).transpose(1, 2) + self.places)
        return torch.cat([self.boxes(tokens).sigmoid() * SIDE, self.classes(tokens).sigmoid()], 2)


def save(net, path):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # as if trained: not the identity
            module.weight.data.uniform_(0.8, 1.2)
            module.running_var.uniform_(0.5, 1.5)
    net.eval().requires_grad_(False)
    described = {"format": 1, "input": {"width": SIDE, "height": SIDE},
                 "output": {"layout": "yolo", "predictions": [0], "objectness": False},
                 "labels": [f"class {i}" for i in range(CLASSES)]}
    torch.jit.save(torch.jit.trace(net, torch.rand(1, 3, SIDE, SIDE)), path, _extra_files={"oneadapt.json": json.dumps(described)})


def main():
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    if len(sys.argv) == 5 and sys.argv[1] == "--onnx":
        width, height = map(int, sys.argv[3].split("x"))
        torch.onnx.export(torch.jit.load(sys.argv[2]).eval(), torch.rand(1, 3, height, width), sys.argv[4], opset_version=13)
    elif len(sys.argv) == 2:
        save(Yolo(), sys.argv[1] + "/yolo.pt")
        save(Vit(), sys.argv[1] + "/vit.pt")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
