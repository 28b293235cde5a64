#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Detectors in the styles of NanoDet, YOLOX and YOLOv8, exported by torch.onnx.export, imported, compared with torch:
outputs, what --describe guesses, objects and DNNGrad (in double precision, against central differences). And every
command of docs/models.md that imports an ONNX model or describes one.

Weights are random with a fixed seed.
Usage: onnx_roundtrip.py ONEADAPT_IMPORT EXPORTED_MODEL docs/models.md
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
import warnings

try:
    warnings.filterwarnings("ignore")
    import torch
    from torch import nn
    # What was exported is read again, so that the test sees what others would. Not the folder alone that libonnx-testdata has.
    import onnx.checker
except ImportError as error:
    print(f"skipped: {error} (Debian: python3-torch, python3-onnx)")
    sys.exit(77)

CLASSES = 5
LABELS = "".join(f"thing {i}\n" for i in range(CLASSES))


class Block(nn.Sequential):
    def __init__(self, inputs, outputs, kernel=3, stride=1, groups=1, act=nn.SiLU):
        super().__init__(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs), act())


class Focus(nn.Module):
    """YOLOX's first layer: every second pixel, four times."""
    def __init__(self, outputs):
        super().__init__()
        self.conv = Block(12, outputs)

    def forward(self, x):
        return self.conv(torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1))


class Pyramid(nn.Module):
    """Strides 8, 16, 32 with a way up by `mode`."""
    def __init__(self, stem, width, mode, act):
        super().__init__()
        self.stem = stem
        self.down = nn.ModuleList([Block(width, width, stride=2, act=act) for _ in range(4)])
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.mix = nn.ModuleList([Block(2 * width, width, 1, act=act) for _ in range(3)])
        self.mode = mode

    def up(self, x, like):
        if self.mode == "bilinear":
            return nn.functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
        return nn.functional.interpolate(x, scale_factor=2, mode="nearest")

    def forward(self, x):
        x = self.down[0](self.stem(x))
        a = self.down[1](x)
        b = self.down[2](a)
        c = self.down[3](b)
        c = self.mix[0](torch.cat([c, self.pool(c)], 1))
        b = self.mix[1](torch.cat([b, self.up(c, b)], 1))
        return [self.mix[2](torch.cat([a, self.up(b, a)], 1)), b, c]


class NanoDet(nn.Module):
    def __init__(self, width=16, bins=8):
        super().__init__()
        act = lambda: nn.LeakyReLU(0.1)
        self.body = Pyramid(Block(3, width, stride=2, act=act), width, "bilinear", act)
        self.depthwise = nn.ModuleList([Block(width, width, groups=width, act=act) for _ in range(3)])
        self.scores = nn.ModuleList([nn.Conv2d(width, CLASSES, 1) for _ in range(3)])
        self.boxes = nn.ModuleList([nn.Conv2d(width, 4 * bins, 1) for _ in range(3)])

    def forward(self, x):
        levels = self.body(x)
        levels = [d(l) for d, l in zip(self.depthwise, levels)]
        scores = [torch.sigmoid(s(l)).flatten(2).permute(0, 2, 1) for s, l in zip(self.scores, levels)]
        boxes = [b(l).flatten(2).permute(0, 2, 1) for b, l in zip(self.boxes, levels)]
        return (*scores, *boxes)


class Yolox(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.body = Pyramid(Focus(width), width, "nearest", nn.SiLU)
        self.box, self.obj, self.cls = (nn.ModuleList([nn.Conv2d(width, n, 1) for _ in range(3)]) for n in (4, 1, CLASSES))

    def forward(self, x):
        levels = self.body(x)
        all = [torch.cat([b(l), torch.sigmoid(o(l)), torch.sigmoid(c(l))], 1).flatten(2)
               for b, o, c, l in zip(self.box, self.obj, self.cls, levels)]
        return torch.cat(all, 2).permute(0, 2, 1)


class Yolo8(nn.Module):
    """Distributions of distances, decoded; a column a candidate."""
    def __init__(self, side, width=16, bins=8):
        super().__init__()
        self.body = Pyramid(Focus(width), width, "nearest", nn.SiLU)
        self.head = nn.ModuleList([nn.Conv2d(width, 4 * bins + CLASSES, 1) for _ in range(3)])
        self.bins = bins
        places = []
        for s in (8, 16, 32):
            y, x = torch.meshgrid(torch.arange(side // s) + 0.5, torch.arange(side // s) + 0.5, indexing="ij")
            places.append(torch.stack([x.flatten() * s, y.flatten() * s, torch.full((x.numel(),), float(s))]))
        self.register_buffer("places", torch.cat(places, 1))
        self.register_buffer("steps", torch.arange(bins).float())

    def forward(self, x):
        all = torch.cat([h(l).view(1, 4 * self.bins + CLASSES, -1) for h, l in zip(self.head, self.body(x))], 2)
        sides, scores = all.split([4 * self.bins, CLASSES], 1)
        sides = sides.view(1, 4, self.bins, -1).softmax(2).mul(self.steps.view(1, 1, -1, 1)).sum(2) * self.places[2]
        low, high = self.places[:2] - sides[:, :2], self.places[:2] + sides[:, 2:]
        return torch.cat([(low + high) / 2, high - low, scores.sigmoid()], 1)


class Fcn(nn.Module):
    """A plane for each class at the picture's own size, as segmentation networks end: a bilinear resize."""
    def __init__(self, width=16):
        super().__init__()
        self.down = nn.Sequential(Block(3, width, stride=2), Block(width, width, stride=2), Block(width, width))
        self.head = nn.Conv2d(width, CLASSES, 1)

    def forward(self, x):
        return nn.functional.interpolate(self.head(self.down(x)), scale_factor=4.0, mode="bilinear", align_corners=False)


SIDE = 96
MODELS = {
    "nanodet": (NanoDet, "nanodet", "32"),
    "yolox": (Yolox, "yolox", "32"),
    "yolo8": (lambda: Yolo8(SIDE), "yolo", "0"),
    "fcn": (Fcn, "semantic", "32"),
}


def shaped(net):
    """Weights through which something of the picture reaches the scores, and statistics that are not 0 and 1."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.7, 1.3)
    return net.eval()


def say(command, good=0):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == good, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def newest_opset():
    """The newest that the importer and PyTorch's exporter know: 17 of PyTorch 1.13, 20 of 2.6."""
    with tempfile.TemporaryDirectory() as folder:
        for opset in range(22, 16, -1):
            try:
                torch.onnx.export(nn.ReLU(), torch.rand(1, 3, 4, 4), os.path.join(folder, "m.onnx"), opset_version=opset)
                return opset
            except ValueError as error:
                assert "opset version" in str(error), error
    raise AssertionError("the exporter knows no opset from 17 on")


def export(net, path, dynamic, opset=13):
    precision = next(net.parameters()).dtype
    axes = {"images": {2: "height", 3: "width"}} if dynamic else {}
    torch.onnx.export(net, torch.rand(1, 3, SIDE, SIDE, dtype=precision), path, input_names=["images"],
                      dynamic_axes=axes, opset_version=opset)
    onnx.checker.check_model(onnx.load(path))


def outputs(module, x):
    with torch.no_grad():
        result = module(x)
    return list(result) if isinstance(result, (tuple, list)) else [result]


def compare(net, path, height, width, what):
    x = torch.rand(1, 3, height, width, dtype=next(net.parameters()).dtype)
    want, have = outputs(net, x), outputs(torch.jit.load(path), x)
    assert len(want) == len(have)
    worst = 0
    for a, b in zip(want, have):
        assert a.shape == b.shape, (what, a.shape, b.shape)
        worst = max(worst, (a - b).abs().max().item())
    assert worst <= 1e-4, (what, worst)
    print(f"{what}: {len(want)} outputs of {width}×{height} within {worst:.1e}")


def round_trip(name, importer, exported_model, folder):
    make, layout, multiple = MODELS[name]
    torch.manual_seed(3)
    net = shaped(make())
    source, target, labels = (os.path.join(folder, f) for f in (name + ".onnx", name + ".pt", "labels.txt"))
    with open(labels, "w", encoding="utf-8") as f:
        f.write(LABELS)

    export(net, source, False)
    say([importer, source, target])
    compare(net, target, SIDE, SIDE, name)
    newest = newest_opset()
    export(net, source, False, newest)
    say([importer, source, target])
    compare(net, target, SIDE, SIDE, f"{name}, opset {newest}")
    for opset in (newest, 13) if multiple != "0" else ():
        export(net, source, True, opset)
        say([importer, source, target, "--input-size", f"{SIDE}x{SIDE}", "--multiple-of", "32"])
        compare(net, target, SIDE, SIDE, f"{name}, opset {opset}, sizes left open")
        compare(net, target, SIDE + 32, SIDE + 96, f"{name}, opset {opset}, sizes left open")

    text = say([importer, "--describe", target, "--input-size", f"{SIDE}x{SIDE}"], 1)
    assert f'output.layout = "{layout}"' in text and f"with {CLASSES} names" in text, text
    assert f"input.multiple_of = {multiple}," in text, text
    say([importer, "--describe", target, "--input-size", f"{SIDE}x{SIDE}", "--labels", labels, "--set", "threshold=0.3",
         "--set", "floor=0.1", "--set", f"name={name}",
         "--set", "input.range=1"])  # these were trained on nothing; 255 would saturate them
    assert f'"name": "{name}"' in say([importer, "--describe", target])

    # Double precision, for differences that are small enough.
    net = net.double()
    export(net, source, False)
    description = os.path.join(folder, "description.json")
    say([importer, "--describe", target, "-o", description])
    # Its size is the graph's, and fixed.
    text = re.sub(r'"multiple_of": \d+', '"multiple_of": 0', open(description, encoding="utf-8").read())
    with open(description, "w", encoding="utf-8") as f:
        f.write(text)
    double = os.path.join(folder, name + "-double.pt")
    say([importer, source, double, "--description", description])
    compare(net, double, SIDE, SIDE, name + ", double")
    objects, error, cosine = say([exported_model, double]).split()
    print(f"{name}: {objects} objects, DNNGrad off by {float(error):.1e}, cosine {cosine}")
    assert int(objects) > 0 and float(cosine) > 0.999, (objects, error, cosine)


def documented(importer, page, folder):
    """The page's commands, with stand-ins for the files that they name."""
    text = open(page, encoding="utf-8").read()
    sections = re.findall(r"^## (From ONNX|Describing a model)\n(.*?)(?=^## )", text, re.M | re.S)
    assert len(sections) == 2, "the page lacks a section"
    torch.manual_seed(3)
    export(shaped(Yolo8(SIDE)), os.path.join(folder, "my.onnx"), False)
    with open(os.path.join(folder, "labels.txt"), "w", encoding="utf-8") as f:
        f.write(LABELS)
    net = shaped(Yolo8(SIDE))
    torch.jit.save(torch.jit.trace(net, torch.rand(1, 3, SIDE, SIDE)), os.path.join(folder, "other.pt"))
    ran = 0
    for _, section in sections:
        for block in re.findall(r"```sh\n(.*?)```", section, re.S):
            for line in block.strip().splitlines():
                command = shlex.split(line, comments=True)
                if not command:
                    continue
                assert command[0] == "oneadapt-import", line
                command = [importer] + [part.replace("640x640", f"{SIDE}x{SIDE}") for part in command[1:]]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                print("ok    " if done.returncode == 0 else "FAILED", line)
                assert done.returncode == 0, done.stdout + done.stderr
                ran += 1
    assert ran >= 5, ran


if __name__ == "__main__":
    importer, exported_model, page = (os.path.abspath(a) for a in sys.argv[1:4])
    for model in MODELS:
        with tempfile.TemporaryDirectory() as scratch:
            round_trip(model, importer, exported_model, scratch)
    with tempfile.TemporaryDirectory() as scratch:
        documented(importer, page, scratch)
