#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wav2Vec 2.0 of torchaudio, scripted, as oneadaptdnn takes it: words that are spelled, and the gradient, against central
differences; in a pipeline, under the controller; and what docs/sound-models.md says of it, as it stands there, but for the weights.

Weights are random with a fixed seed (no trained ones come with Debian's package). A small network of the same parts: the
extractor with its group norm or layer norms, the positional convolution, the transformer with its norms behind or in front.
Usage: torchaudio_models.py EXPORTED_SEQUENCE docs/sound-models.md [--all]; with --all wav2vec2_base() too, as large as it is
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
    import torchaudio
    from torchaudio.models import wav2vec2_base, wav2vec2_model
except ImportError as error:
    print(f"skipped: {error} (Debian: python3-torchaudio)")
    sys.exit(77)

LABELS = list(torchaudio.pipelines.WAV2VEC2_ASR_BASE_960H.get_labels())


def sure(net):
    """Random weights are sure of nothing: with greater ones in the last layer some letter is likelier than the others."""
    with torch.no_grad():
        net.aux.weight *= 30
    return net


def small(extractor="group_norm", norm_first=False):
    torch.manual_seed(3)
    return sure(wav2vec2_model(
        extractor_mode=extractor, extractor_conv_layer_config=[(32, 10, 5), (32, 3, 2), (32, 3, 2), (32, 2, 2)],
        extractor_conv_bias=extractor == "layer_norm", encoder_embed_dim=48, encoder_projection_dropout=0.1, encoder_pos_conv_kernel=16,
        encoder_pos_conv_groups=4, encoder_num_layers=2, encoder_num_heads=4, encoder_attention_dropout=0.1, encoder_ff_interm_features=96,
        encoder_ff_interm_dropout=0.1, encoder_dropout=0.1, encoder_layer_norm_first=norm_first, encoder_layer_drop=0.05,
        aux_num_out=len(LABELS)).eval())


def export(net, path, precision=torch.float32, rate=16000, **more):
    description = {"format": 1, "task": "ctc", "name": "wav2vec2", "input": {"sample_rate": rate, **more},
                   "output": {"layout": "ctc", "blank": LABELS.index("-"), "separator": LABELS.index("|")}, "labels": LABELS,
                   # Smooth where random scores are.
                   "threshold": 0.3, "floor": 0.0, "slope": 4}
    torch.jit.save(torch.jit.script(net.to(precision)), path, _extra_files={"oneadapt.json": json.dumps(description)})
    return path


def gradients(program, folder):
    """Without and with `normalise`; of every block by its few samples: the network does not mind how many make a second."""
    failed = 0
    for name, net, normalise in (("group norm, norms behind", small(), False), ("group norm, normalised sound", small(), True),
                                 ("layer norms, in front", small("layer_norm", True), True)):
        path = export(net, os.path.join(folder, "model.pt"), torch.float64, 1000, normalise=normalise)
        done = subprocess.run([program, path], capture_output=True, text=True)
        print(f"{name:40} {done.stdout.strip() or done.stderr.strip()[-300:]}", flush=True)
        ok = done.returncode == 0
        if ok:
            words, elements, error, cosine = map(float, done.stdout.split())
            ok = words > 0 and elements > 0 and error < 0.02 and cosine > 0.999
        failed += not ok
    return failed


def in_a_pipeline(folder, net, seconds):
    model, results = export(net, os.path.join(folder, "model.pt"), normalise=True), os.path.join(folder, "words.jsonl")
    done = subprocess.run(
        ["gst-launch-1.0", "-q", "audiotestsrc", "wave=pink-noise", f"num-buffers={50 * seconds}", "samplesperbuffer=320", "!",
         "audio/x-raw,rate=16000,format=S16LE,channels=1", "!", "oneadaptctl", "lockstep=true", "!", "oneadaptaudiofilter", "!",
         "oneadaptdnn", f"model={model}", f"results-location={results}", "!", "fakesink"],
        capture_output=True, text=True, env={**os.environ, "GST_DEBUG": "oneadaptdnn:5", "GST_DEBUG_NO_COLOR": "1"})
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr[-2000:]
    sent = [line for line in done.stderr.split("\n") if re.search(r"interval \d+: z ", line)]
    assert len(sent) == seconds, f"{len(sent)} gradients were sent, not {seconds}"
    with open(results, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    words = [w for line in lines for w in line["words"]]
    assert words, "nothing was heard"
    for w in words:
        assert re.fullmatch("[A-Z']+", w["word"]) and w["label_id"] == -1 and w["end"] > w["start"], w
    os.remove(model)


def documented(folder, page):
    """The recipe of the page: its Python, then its pipeline, with a clip of its own."""
    # The weights would be fetched.
    code, line = recipe.read(page, ("bundle.get_model()", "torch.load('stand-in.pickle')"))
    torch.save(small(), os.path.join(folder, "stand-in.pickle"))
    recipe.run_code(code, folder)
    recipe.run_line(recipe.replaced(line, (
        "filesrc location=digits.wav ! wavparse",
        "audiotestsrc num-buffers=100 samplesperbuffer=320 ! audio/x-raw,rate=16000,channels=1")), folder)


def main():
    with tempfile.TemporaryDirectory() as folder:
        in_a_pipeline(folder, small(), 4)
        documented(folder, sys.argv[2])
        failed = gradients(sys.argv[1], folder)
        if "--all" in sys.argv:
            torch.manual_seed(0)
            in_a_pipeline(folder, sure(wav2vec2_base(aux_num_out=len(LABELS)).eval()), 2)
            print("wav2vec2_base: words and gradients in a pipeline")
    return 1 if failed else 0


sys.exit(main())
