#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every detector of torchvision, scripted, as oneadaptdnn takes it: its objects and its gradient, and one in a pipeline.

Weights are random with a fixed seed (no trained ones come with Debian's package), small pictures, double precision.
Two-stage detectors: torchvision takes proposals out of the graph, so that central differences, which move them, differ a
little more; with all others they agree but for kinks of their activations.
Usage: torchvision_models.py EXPORTED_MODEL [--all]; without --all those that take no minutes
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

try:
    warnings.filterwarnings("ignore")
    import torch
    from torchvision.models import detection as D
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

QUICK = ["fasterrcnn_mobilenet_v3_large_320_fpn", "retinanet_resnet50_fpn", "ssdlite320_mobilenet_v3_large"]


def export(name, path, precision):
    torch.manual_seed(0)
    net = getattr(D, name)(weights=None, weights_backbone=None, **MODELS[name]).eval()
    if name.startswith("ssdlite"):  # through its initial weights nothing of the picture reaches the scores
        for module in net.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
    description = {"format": 1, "name": name, "input": {"multiple_of": 1}, "output": {"layout": "torchvision"},
                   "labels": ["__background__"] + [f"class {i}" for i in range(1, 91)], "threshold": 0.0, "floor": 0.0}
    torch.jit.save(torch.jit.script(net.to(precision)), path, _extra_files={"oneadapt.json": json.dumps(description)})


def in_a_pipeline(folder):
    model, results = os.path.join(folder, "model.pt"), os.path.join(folder, "results.jsonl")
    export("ssdlite320_mobilenet_v3_large", model, torch.float32)
    done = subprocess.run(
        ["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=12", "!", "video/x-raw,width=160,height=120,framerate=5/1", "!",
         "videoconvert", "!", "oneadaptdnn", f"model={model}", f"results-location={results}", "!", "fakesink"],
        capture_output=True, text=True, timeout=300, env={**os.environ, "GST_DEBUG": "oneadaptdnn:5", "GST_DEBUG_NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    gradients = [line for line in done.stderr.split("\n") if "send_gradient" in line and ": z " in line]
    assert len(gradients) >= 2, "no gradient was sent"
    with open(results, encoding="utf-8") as f:
        assert sum(len(json.loads(line)["objects"]) for line in f) > 0, "nothing was detected"
    os.remove(model)


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        in_a_pipeline(folder)
        for name in MODELS if "--all" in sys.argv else QUICK:
            path = os.path.join(folder, "model.pt")
            export(name, path, torch.float64)
            done = subprocess.run([sys.argv[1], path], capture_output=True, text=True, timeout=300)
            os.remove(path)
            print(f"{name:40} {done.stdout.strip() or done.stderr.strip()[-300:]}", flush=True)
            ok = done.returncode == 0
            if ok:
                objects, error, cosine = map(float, done.stdout.split())
                ok = objects > 0 and (cosine > 0.8 if MODELS[name] is TWO_STAGES else cosine > 0.99)
            failed += not ok
    return 1 if failed else 0


sys.exit(main())
