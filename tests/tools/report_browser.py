# SPDX-License-Identifier: LGPL-2.1-or-later
"""The report's page in a headless Chromium: no script error, every canvas drawn, every section that the results have.

usage: report_browser.py RENDER [DIRECTORY]

RENDER makes a page from results.json. With DIRECTORY, the page and screenshots of it stay there. Exits with 77 (skipped)
where there is no Chromium."""
import base64, html.parser, json, math, os, random, re, shutil, subprocess, sys, tempfile


def stills(n):
    """Pictures that need no library: SVG shows in <img> like a JPEG."""
    def svg(k):
        return ('<svg xmlns="http://www.w3.org/2000/svg" width="960" height="540"><rect width="960" height="540" fill="#678"/>'
                '<rect x="%d" y="220" width="140" height="90" fill="none" stroke="#fd0" stroke-width="4"/></svg>' % (120 + 90 * k))
    return [{'caption': 'oneadapt, lambda=1, %.1f s' % (0.9 + 2 * k),
             'image': 'data:image/svg+xml;base64,' + base64.b64encode(svg(k).encode()).decode()} for k in range(n)]


def intervals(rng, seconds, qp, scale, accuracy, kbps, wander):
    out = []
    for t in range(seconds):
        if wander:
            qp = min(44, max(20, qp + rng.choice([-4, 0, 0, 4])))
            scale = min(1.0, max(0.5, scale + rng.choice([-0.125, 0, 0, 0.125])))
        out.append({'t': t, 'kbps': round(kbps * rng.uniform(0.8, 1.25), 1), 'objects': rng.randrange(2, 9),
                    'accuracy': None if wander and t == 3 else round(min(1, accuracy + rng.uniform(-0.05, 0.05)), 3),
                    'knobs': {'qp': qp, 'scale': scale, 'framerate': 10 if not wander or t % 4 else 5}})
    return out


def clip(rng, name, seconds, flat, policies):
    kbps = rng.uniform(900, 1500)
    curves = []
    for k, policy in enumerate(policies):
        points = []
        for n, bandwidth in enumerate([1, 0.57, 0.34, 0.21, 0.12, 0.07]):
            cheaper = bandwidth ** 1.0 * (1 if policy == 'uniform' else 1 - 0.5 * (1 - bandwidth) / (k or 1))
            loss = (0.01 if flat else 0.09) * -math.log2(bandwidth) * rng.uniform(0.8, 1.2)
            accuracy = round(1 - loss, 3)
            points.append({
                'setting': 'qp=%d' % (20 + 4 * n) if policy == 'uniform' else 'lambda=%g' % (0.1 * 2 ** n),
                'bandwidth': round(cheaper, 4), 'accuracy': accuracy, 'frames_analysed': 10 * seconds,
                'extra_inferences': 0 if policy in ('uniform', 'oneadapt') else 12 * seconds,
                'sensor_cpu_s': round(0.14 * seconds * (1.2 if policy == 'oneadapt' else 1), 2), 'inference_s': round(0.75 * seconds * (1 if k < 2 else 2.2), 2),
                'gradient_s': round(0.08 * seconds, 2) if policy == 'oneadapt' else 0,
                'feedback_bytes': 480 * seconds if policy == 'oneadapt' else 90 * seconds,
                'intervals': intervals(rng, seconds, 20 + 4 * n, 1.0, accuracy, kbps * cheaper, policy != 'uniform')})
            if policy == 'oneadapt':
                points[-1].update(asked=0.9, settled=0.888)
                for interval in points[-1]['intervals'][5:]:
                    interval['measured_accuracy'] = 0.877
        curves.append({'policy': policy, 'points': points})
    bd = [{'policy': p, 'against': 'uniform', 'percent': None if flat else round(rng.uniform(-45, 5), 1),
           'reason': 'the accuracies of the curves vary by less than 0.05' if flat else '', 'from': 0.8, 'to': 0.95, 'low': -48.5, 'high': 7.5}
          for p in policies if p != 'uniform']
    return {'clip': name, 'frames': 10 * seconds, 'fps': 10, 'width': 960, 'height': 540, 'seconds': seconds,
            'reference': {'kbps': kbps, 'objects_per_frame': 5.24, 'near_threshold': 0.71, 'frames_analysed': 10 * seconds}, 'curves': curves, 'bd_rate': bd,
            'flat': flat, 'bandwidth_at': [{'policy': p, 'accuracy': 0.95, 'bandwidth': None if p == 'chameleon' else round(rng.uniform(0.1, 0.5), 3)}
                                           for p in policies],
            'stills': stills(4), 'shown': {'policy': 'oneadapt', 'setting': 'lambda=0.8'}}


def made_up_results():
    rng = random.Random(3)
    policies = ['uniform', 'oneadapt', 'profiling', 'chameleon']
    clips = [clip(rng, 'highway-dashcam.mp4', 8, False, policies), clip(rng, 'vtest.avi', 20, True, policies),
             clip(rng, 'a "long" name & </script><b>bold</b> of a clip from the camera over the northern gate, rainy.mp4', 11, False, policies[:2])]
    tradeoff = [{'clip': c['clip'][:30], 'curves': [
        {'policy': 'oneadapt, a gradient every frame', 'points': [{'bandwidth': b, 'accuracy': 1 - 0.06 * -math.log2(b)} for b in (0.7, 0.4, 0.2)]},
        {'policy': 'oneadapt, a gradient every 10 frames', 'points': [{'bandwidth': b, 'accuracy': 1 - 0.065 * -math.log2(b)} for b in (0.7, 0.4, 0.2)]}]}
        for c in clips[:2]]
    cosines = [min(1, rng.gauss(0.9, 0.08)) for _ in range(24)]
    return {
        'command': 'oneadapt-eval --clip highway-dashcam.mp4 --clip vtest.avi --model nanodet.pt --classes car,truck,bus --knobs qp,scale '
                   '--policies uniform,oneadapt,profiling,chameleon --fps 10 --output out', 'version': '0.1.0', 'model': 'nanodet.pt',
        'classes': 'car,truck,bus', 'metric': 'f1', 'knobs': 'qp,scale', 'clips': clips,
        'mean_bd_rate': [{'policy': 'oneadapt', 'against': 'uniform', 'percent': -31.0, 'worst': -2.0, 'from': 0.8, 'to': 0.95, 'low': -35.5, 'high': -26.0},
                         {'policy': 'profiling', 'against': 'uniform', 'percent': 4.2, 'worst': 12.0}],
        'figures': {
            'gradient-correlation': {'per': 'configuration and clip', 'cosines': cosines, 'mean': sum(cosines) / 24,
                                     'cosines_per_second': [max(-1, min(1, rng.gauss(0.5, 0.5))) for _ in range(200)]},
            'gradient-reuse': {'distance': [1, 2, 3, 5, 8, 10, 15, 20, 30], 'cosine': [0.99 - 0.012 * d for d in (1, 2, 3, 5, 8, 10, 15, 20, 30)],
                               'tradeoff': tradeoff},
            'convergence': [{'clip': c['clip'][:30], 'start': s, 'best': 0.8, 'objective': [0.8 - d * 0.6 ** i for i in range(10)]}
                            for c in clips[:2] for s, d in (('cheapest', 0.5), ('most expensive', 0.3), ('middle', 0.1))],
            'overhead': [{'mode': 'inference only', 'time_ratio': 1.0, 'memory_mb': 210}, {'mode': 'weight gradients', 'time_ratio': 3.1, 'memory_mb': 640},
                         {'mode': 'input gradient only', 'time_ratio': 2.2, 'memory_mb': 420},
                         {'mode': 'input gradient, reused over 10 frames', 'time_ratio': 1.12, 'memory_mb': 420}],
            'granularity': {'clips': [{'clip': c['clip'][:30], 'rows': [
                {'blocks': n, 'side': s, 'against_uniform': -10 - 5 * i, 'against_region': 8 - 6 * i, 'against_fine_region': None if i == 1 else 12 - 8 * i}
                for i, (n, s) in enumerate(((4, 20), (15, 9), (60, 4), (880, 1)))]} for c in clips[:2]]}}}


def sound_results():
    """A clip of sound: silence, then words from the 12th and, after a pause, from the 30th second on."""
    rng = random.Random(5)
    seconds, names = 40, ['zero', 'one', 'two', 'three', 'seven', 'nine']
    times = [12.2 + 0.45 * k for k in range(20)] + [30.1 + 0.9 * k for k in range(9)]
    words = [{'t': round(t, 2), 'word': names[k % len(names)]} for k, t in enumerate(times)]
    envelope = [round(rng.uniform(0.2, 0.8) if any(w['t'] <= i * 0.02 < w['t'] + 0.35 for w in words) else rng.uniform(0, 0.05), 4)
                for i in range(50 * seconds)]
    curves = []
    for policy, late in (('uniform', 0), ('oneadapt', 2), ('profiling', 7), ('voice-detection', 1)):
        points = []
        for n, rate in enumerate((16000, 8000, 4000, 2000)):
            intervals = []
            for t in range(seconds):
                here = [w for w in words if t <= w['t'] < t + 1]
                # When a run is back after the words begin: so late, and not at all with the cheapest.
                active = policy == 'uniform' or (12 + late <= t < 22) or (30 + late <= t < 39)
                heard = here if active and n < 3 else []
                extra = [{'t': t + 0.5, 'word': 'two', 'right': False}] if here and not heard and n == 1 else []
                intervals.append({'t': t, 'kbps': (rate if active else 1000) * 16 / 1000, 'objects': len(heard), 'accuracy': 1 if not here or heard else 0,
                                  'knobs': {'rate': rate if active else 1000}, 'words': [{**w, 'right': True} for w in heard] + extra,
                                  'missed': [w for w in here if not heard]})
            points.append({'setting': 'rate=%d' % rate if policy in ('uniform', 'voice-detection') else 'lambda=%g' % (0.05 * 2 ** n),
                           'bandwidth': round(rate / 16000 * (1 if policy == 'uniform' else 0.6), 4), 'accuracy': round(0.99 - 0.02 * late - 0.09 * n, 3),
                           'frames_analysed': seconds, 'extra_inferences': 20 if policy == 'profiling' else 0, 'sensor_cpu_s': 0.1, 'inference_s': 4,
                           'gradient_s': 2 if policy == 'oneadapt' else 0, 'feedback_bytes': 150 * seconds if policy == 'oneadapt' else 0, 'intervals': intervals})
        curves.append({'policy': policy, 'points': points})
    return {'command': 'oneadapt-eval --clip talk.wav --model digits-ctc.pt --knobs rate --policies uniform,oneadapt,profiling,voice-detection --output out',
            'version': '0.1.0', 'model': 'digits-ctc.pt', 'metric': 'f1', 'knobs': ['rate'], 'resource': 'bandwidth',
            'clips': [{'clip': 'talk.wav', 'frames': seconds, 'fps': 1, 'width': 0, 'height': 0, 'seconds': seconds, 'flat': False,
                       'reference': {'kbps': 256, 'objects_per_frame': 0.7, 'frames_analysed': seconds}, 'curves': curves,
                       'bd_rate': [{'policy': 'oneadapt', 'against': 'profiling', 'percent': -31.5, 'from': 0.7, 'to': 0.95}],
                       'bandwidth_at': [{'policy': 'oneadapt', 'accuracy': 0.95, 'bandwidth': 0.3}],
                       'sound': {'envelope': envelope, 'step': 0.02, 'words': words}}]}


def drawn(b, path, width, what):
    """A page whose script came to its end: it, its body, its canvases."""
    page = b.dom(path, width)
    body, canvases = page.of('body')[0], page.of('canvas')
    check('data-error' not in body, '%s: the script failed: %s' % (what, body.get('data-error')))
    check(int(body.get('data-ready', 0)) == len(canvases), '%s: the script did not come to its end' % what)
    return page, body, canvases


def check_sound(b, program, folder):
    """Wave and words, what each run heard, rate, accuracy, kbit/s; who is back when."""
    path = render(program, sound_results(), os.path.join(folder, 'sound.html'))
    for width in (1280, 800):
        page, body, canvases = drawn(b, path, width, 'sound')
        # Trade-off, five over time, four overheads.
        check(len(canvases) == 10, 'sound: %d charts, not 10' % len(canvases))
        of = {c['aria-label']: c for c in canvases}
        for label in ('wave and words over time', 'words heard and missed over time', 'sampling rate (Hz) over time', 'F1 over time', 'kbit/s over time'):
            check(label in of, 'sound: there is no chart "%s", but %s' % (label, list(of)))
            check(int(of[label]['data-points']) > 0 and int(of[label]['data-ink']) > 500, 'sound: "%s" is empty' % label)
        # Each word of the reference is heard or missed in each of the four runs (chosen: the narrow window has the last).
        check(int(of['words heard and missed over time']['data-points']) >= 4 * 29, 'sound: words are missing')
        check(int(body['data-wide']) <= width, 'sound: the page is %s wide in a window of %d' % (body['data-wide'], width))
        # At first the runs nearest to an accuracy of 0.9; in the narrow window the last ones, which hear nothing.
        wanted = [['0 s', '2 s', '7 s', '1 s']] if width == 1280 else [['not'] * 4]
        rows = [r for r in page.rows if r[:1] in (['12 s'], ['30 s'])]
        check(rows == [[t] + w for t in ('12 s', '30 s') for w in wanted], 'sound: back after a pause: %s' % rows)


def run_results(reference=True):
    """One run, as oneadapt-run writes it; without the most expensive configuration nothing is known of accuracy."""
    rng = random.Random(7)
    made = clip(rng, 'street.mp4', 12, False, ['oneadapt', 'uniform'])
    adapted, full = [dict(c['points'][n], bytes=50000 + 900000 * (1 - n)) for c, n in zip(made['curves'], (3, 0))]
    curves = [{'policy': 'oneadapt', 'points': [adapted]}, {'policy': 'most expensive configuration', 'points': [full]}]
    if not reference:
        for interval in adapted['intervals']:
            interval['accuracy'] = None
        for key in ('accuracy', 'bandwidth'):
            del adapted[key]
    out = {k: made[k] for k in ('clip', 'frames', 'fps', 'width', 'height', 'seconds')}
    return {'kind': 'run', 'command': 'oneadapt-run --clip street.mp4 --model nanodet.pt --output out', 'version': '0.1.0', 'model': 'nanodet.pt',
            'metric': 'f1', 'knobs': 'scale,framerate,qp', 'advice': 'F1 is below 0.9 <b>here</b>.' if reference else '',
            'clips': [{**out, **({'reference': made['reference']} if reference else {}), 'curves': curves[:2 if reference else 1], 'stills': stills(6)}]}


def check_run(b, program, folder):
    """The frames in a row above the knobs, accuracy, kbit/s and objects; no curve, and nothing that a run has not."""
    for reference in (True, False):
        path = render(program, run_results(reference), os.path.join(folder, 'run.html' if reference else 'run-alone.html'))
        for width in (1280, 800):
            page, body, canvases = drawn(b, path, width, 'run')
            wanted = ['QP', 'scale (of the side)', 'frames a second'] + ['F1'] * reference + ['kbit/s', 'objects']
            check([c['aria-label'] for c in canvases] == [w + ' over time' for w in wanted], 'run: charts %s' % [c['aria-label'] for c in canvases])
            for c in canvases:
                check(int(c['data-points']) > 0 and int(c['data-ink']) > 300, 'run: "%s" is empty' % c['aria-label'])
            check(len(page.of('img')) == 12, 'run: %d pictures, not six in the row and six below' % len(page.of('img')))
            strip = [d for d in page.of('div') if d.get('class') == 'strip']
            check(len(strip) == 1 and re.fullmatch(r'margin: ?0(px)? \d[\d.]*px 0(px)? 64px;?', strip[0]['style']), 'run: the row of frames: %s' % strip)
            notes = [p for p in page.of('p') if p.get('class') == 'note']
            check(len(notes) == reference and not page.of('b'), 'run: advice is missing, or became markup')
            check(len([r for r in page.rows if r]) == 1 + reference, 'run: rows %s' % page.rows)
            check(int(body['data-wide']) <= width, 'run: the page is %s wide in a window of %d' % (body['data-wide'], width))


class Elements(html.parser.HTMLParser):
    """Start tags outside scripts."""
    def __init__(self, text):
        super().__init__()
        self.all, self.rows, self.cell = [], [], False  # rows: text of the tables' cells
        self.text, self.code = '', False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.all.append((tag, dict(attributes)))
        self.code = tag in ('script', 'style')
        if tag == 'tr':
            self.rows.append([])
        elif tag == 'td':
            self.rows[-1].append('')
            self.cell = True

    def handle_endtag(self, tag):
        self.code = False
        if tag == 'td':
            self.cell = False

    def handle_data(self, data):
        if not self.code:
            self.text += data
        if self.cell:
            self.rows[-1][-1] += data

    def of(self, tag):
        return [a for t, a in self.all if t == tag]


# Run by the browser behind the page's own scripts: which canvases hold a drawing; in a narrow window after other runs
# were chosen.
PROBE = '''<script>
if (innerWidth < 1000) for (const s of document.querySelectorAll('select')) {
  s.selectedIndex = Math.min(5, s.length - 2);
  s.dispatchEvent(new Event('change')); }
for (const c of document.querySelectorAll('canvas')) {
  const pixels = c.width && c.height ? c.getContext('2d').getImageData(0, 0, c.width, c.height).data : [];
  let ink = 0; for (let i = 3; i < pixels.length; i += 4) if (pixels[i]) ++ink;
  c.dataset.ink = ink; }
document.body.dataset.wide = document.documentElement.scrollWidth;</script></body>'''


class Browser:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *arguments):
        command = [self.program, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
                   '--user-data-dir=' + os.path.join(self.folder, 'profile'), '--virtual-time-budget=5000', *arguments]
        return subprocess.run(command, capture_output=True, text=True, encoding='utf-8')

    def width_in(self, page, width):
        """How wide a page is in a frame: a window of Chromium is no narrower than 500."""
        frame = re.sub('html$', 'frame.html', page)
        with open(frame, 'w', encoding='utf-8') as f:
            f.write('<html><body><iframe src="%s" style="width: %dpx; height: 900px; border: 0"></iframe><script>'
                    "onload = () => { document.body.dataset.wide = document.querySelector('iframe').contentDocument.documentElement.scrollWidth; };"
                    '</script></body></html>' % (os.path.basename(page), width))
        done = self.run('--allow-file-access-from-files', '--dump-dom', 'file://' + frame)
        return int(Elements(done.stdout).of('body')[0].get('data-wide', 0))

    def dom(self, page, width):
        done = self.run('--window-size=%d,900' % width, '--dump-dom', 'file://' + page)
        if '<html' not in done.stdout:
            sys.exit('%s printed no page:\n%s' % (self.program, done.stderr[-2000:]))
        return Elements(done.stdout)


def check(condition, what):
    if not condition:
        sys.exit('FAILED: ' + what)


def render(program, results, path):
    text = subprocess.run([program], input=json.dumps(results).encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    probed = re.sub('html$', 'probe.html', path)
    with open(probed, 'w', encoding='utf-8') as f:
        f.write(text[:text.rindex('</body>')] + PROBE + text[text.rindex('</body>') + 7:])
    return probed


def main():
    browser = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if not browser:
        print('skipped: there is no chromium to show the report in')
        sys.exit(77)
    keep = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(keep or temporary)
        os.makedirs(folder, exist_ok=True)
        b = Browser(browser, temporary)
        results = made_up_results()
        full = render(sys.argv[1], results, os.path.join(folder, 'report.html'))
        for width in (1280, 800):
            page = b.dom(full, width)
            body = page.of('body')[0]
            check('data-error' not in body, 'the script failed: %s' % body.get('data-error'))
            canvases = page.of('canvas')
            check(int(body.get('data-ready', 0)) == len(canvases), 'the script did not come to its end')
            # A clip: trade-off, three knobs, kbit/s, accuracy, objects, four overheads. Checks: 1 + 1 + 2 + 2 + 2 + 2.
            check(len(canvases) == 3 * 11 + 10, '%d charts, not %d' % (len(canvases), 3 * 11 + 10))
            for c in canvases:
                check(int(c.get('data-points', 0)) > 0, '"%s" shows no point' % c.get('aria-label'))
                check(int(c.get('data-ink', 0)) > 500, '"%s" is empty' % c.get('aria-label'))
            check(int(body['data-wide']) <= width, 'the page is %s wide in a window of %d' % (body['data-wide'], width))
            tradeoffs = [c for c in canvases if c['aria-label'].startswith('F1 against')]
            # Every point of every policy is within the axes.
            check([int(c['data-points']) for c in tradeoffs] == [24, 24, 12, 6, 6], 'points of the trade-off charts: %s' % [c['data-points'] for c in tradeoffs])
            check(len(page.of('img')) == 12, 'stills are missing')
            check(any('\u221248.5 \u2026 +7.5\u00a0%' in row for row in page.rows), 'a BD-rate has no scatter')
            check(not page.of('b'), 'a clip name became markup')
            check(['oneadapt', '0.9', '0.888', '0.877'] in [row[:4] for row in page.rows], 'what was asked for and kept is missing: %s' % page.rows)
            check('at equal accuracy, F1 0.80 … 0.95' in page.text, 'a saving has no range of accuracies')
            check('71.0\u00a0%' in page.text and 'is flat' in page.text, 'boxes near the threshold, or a flat clip, are not mentioned')
        wide = b.width_in(full, 420)
        check(0 < wide <= 420, 'on a telephone of 420 pixels the page is %d wide' % wide)
        for name, part in (('empty', {}), ('null', None), ('odd', {'clips': [{}, 3, {'curves': [{}, {'points': [{}]}], 'stills': [{'image': 'file:///x.png'}],
                                                                              'bd_rate': [{}], 'reference': 7}], 'figures': {'overhead': [{}], 'convergence': 1}}),
                           ('one', {'clips': [{'clip': 'a.mp4', 'curves': [{'policy': 'uniform', 'points': [{'bandwidth': 0.3, 'accuracy': 0.9}]}]}]})):
            page = b.dom(render(sys.argv[1], part, os.path.join(folder, name + '.html')), 1280)
            body = page.of('body')[0]
            check('data-error' not in body, 'results "%s": the script failed: %s' % (name, body.get('data-error')))
            check('data-ready' in body, 'results "%s": the script did not come to its end' % name)
            check(len(page.of('canvas')) == (1 if name == 'one' else 0), 'results "%s": %d charts' % (name, len(page.of('canvas'))))
            check(not page.of('img'), 'results "%s": a still from elsewhere is shown' % name)
        check_sound(b, sys.argv[1], folder)
        check_run(b, sys.argv[1], folder)
        if keep:
            for width in (1280, 800):
                for name, height in (('report', 12000), ('sound', 2600), ('run', 2600)):
                    b.run('--window-size=%d,%d' % (width, height), '--screenshot=' + os.path.join(folder, '%s-%d.png' % (name, width)),
                          'file://' + os.path.join(folder, name + '.html'))
            b.run('--print-to-pdf=' + os.path.join(folder, 'report.pdf'), 'file://' + os.path.join(folder, 'report.html'))
    print('the report reads without an error in %s' % browser)


main()
