#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every detector of torchvision, and networks that segment, scripted, as oneadaptdnn takes them: objects and gradient; one
of each kind in a pipeline.

Weights are random with a fixed seed (no trained ones come with Debian's package), small pictures, double precision.
Two-stage detectors: torchvision takes proposals out of the graph, so that central differences, which move them, differ a
little more; with all others they agree but for kinks of their activations.
What docs/segmentation.md says of segmentation is run as it stands there, but for the weights.
Usage: torchvision_models.py EXPORTED_MODEL docs/segmentation.md [--all]; without --all those that take no minutes
       torchvision_models.py --export NAME FILE: one of them, in double precision
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings

import recipe

try:
    warnings.filterwarnings("ignore")
    import torch
    from torchvision.models import detection as D, segmentation as S
except ImportError as error:
    print(f"skipped: {error} (Debian: python3-torchvision)")
    sys.exit(77)

SMALL = {"min_size": 96, "max_size": 160}
TWO_STAGES = {**SMALL, "box_score_thresh": 0.0, "box_detections_per_img": 12, "rpn_post_nms_top_n_test": 50}
ONE_STAGE = {"score_thresh": 0.0, "detections_per_img": 12}
MODELS = {
    "fasterrcnn_resnet50_fpn": TWO_STAGES,
    "fasterrcnn_mobilenet_v3_large_320_fpn": TWO_STAGES,
    "maskrcnn_resnet50_fpn": TWO_STAGES,
    "retinanet_resnet50_fpn": {**SMALL, **ONE_STAGE},
    "fcos_resnet50_fpn": {**SMALL, **ONE_STAGE},
    "ssd300_vgg16": ONE_STAGE,
    "ssdlite320_mobilenet_v3_large": ONE_STAGE,
}

SEMANTIC = ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "fcn_resnet50"]
QUICK = ["fasterrcnn_mobilenet_v3_large_320_fpn", "retinanet_resnet50_fpn", "ssdlite320_mobilenet_v3_large",
         "maskrcnn_resnet50_fpn", *SEMANTIC[:2]]


def reaching(net):
    """With weights that let the picture reach the scores: the initial ones of MobileNet do not."""
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return net


def export(name, path, precision):
    torch.manual_seed(0)
    if name in SEMANTIC:
        net = reaching(getattr(S, name)(weights=None, weights_backbone=None).eval())
        # Random weights are sure of nothing: of 21 classes the best has little more than its share.
        description = {"format": 1, "name": name, "task": "segmentation", "input": {"multiple_of": 1},
                       "output": {"layout": "semantic", "background": -1}, "labels": [f"class {i}" for i in range(21)],
                       "threshold": 0.0, "floor": 0.0}
        torch.jit.save(torch.jit.script(net.to(precision)), path, _extra_files={"oneadapt.json": json.dumps(description)})
        return
    net = getattr(D, name)(weights=None, weights_backbone=None, **MODELS[name]).eval()
    if name.startswith("ssdlite"):
        net = reaching(net)
    task = "segmentation" if name.startswith("maskrcnn") else "detection"
    description = {"format": 1, "name": name, "task": task, "input": {"multiple_of": 1}, "output": {"layout": "torchvision"},
                   "labels": ["__background__"] + [f"class {i}" for i in range(1, 91)], "threshold": 0.0, "floor": 0.0}
    torch.jit.save(torch.jit.script(net.to(precision)), path, _extra_files={"oneadapt.json": json.dumps(description)})


def in_a_pipeline(folder, name, masks):
    model, results = os.path.join(folder, "model.pt"), os.path.join(folder, "results.jsonl")
    export(name, model, torch.float32)
    done = subprocess.run(
        ["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=12", "!", "video/x-raw,width=160,height=120,framerate=5/1", "!",
         "videoconvert", "!", "oneadaptdnn", f"model={model}", f"results-location={results}", "!", "fakesink"],
        capture_output=True, text=True, env={**os.environ, "GST_DEBUG": "oneadaptdnn:5", "GST_DEBUG_NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    gradients = [line for line in done.stderr.split("\n") if re.search(r"interval \d+: z ", line)]
    assert len(gradients) >= 2, "no gradient was sent"
    with open(results, encoding="utf-8") as f:
        objects = [o for line in f for o in json.loads(line)["objects"]]
    assert objects, "nothing was detected"
    for o in objects:
        assert ("mask" in o) == masks, o
        assert not masks or sum(o["mask"]["counts"]) == o["mask"]["size"][0] * o["mask"]["size"][1], o
    os.remove(model)


def documented(folder, page):
    """The recipe of the page: its Python, then its pipeline, with a picture of its own."""
    code, line = recipe.read(page, ("weights=weights", "weights=None, weights_backbone=None"))
    recipe.run_code(code, folder)
    line = recipe.replaced(line, (
        "filesrc location=clips/vtest.avi ! decodebin", "videotestsrc num-buffers=5 ! video/x-raw,width=160,height=120"),
        ("autovideosink", "fakesink"))
    if subprocess.run(["gst-inspect-1.0", "--exists", "oneadaptoverlay"]).returncode:
        line = line.replace("! oneadaptoverlay ", "")  # not built
    recipe.run_line(line, folder)


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        in_a_pipeline(folder, "ssdlite320_mobilenet_v3_large", masks=False)
        in_a_pipeline(folder, "lraspp_mobilenet_v3_large", masks=True)
        documented(folder, sys.argv[2])
        for name in [*MODELS, *SEMANTIC] if "--all" in sys.argv else QUICK:
            path = os.path.join(folder, "model.pt")
            export(name, path, torch.float64)
            done = subprocess.run([sys.argv[1], path], capture_output=True, text=True)
            os.remove(path)
            print(f"{name:40} {done.stdout.strip() or done.stderr.strip()[-300:]}", flush=True)
            ok = done.returncode == 0
            if ok:
                objects, error, cosine = map(float, done.stdout.split())
                ok = objects > 0 and (cosine > 0.8 if MODELS.get(name) is TWO_STAGES else cosine > 0.99)
            failed += not ok
    return 1 if failed else 0


if sys.argv[1] == "--export":
    export(sys.argv[2], sys.argv[3], torch.float64)
    sys.exit(0)
sys.exit(main())
