// SPDX-License-Identifier: LGPL-2.1-or-later
// The page: summary, a section a clip, the checks of the method. Of one run only: run.js.

const results = obj(JSON.parse(document.getElementById('results').textContent));
const page = document.getElementById('page');
const metric = accuracyName(results.metric);
const resource = str(results.resource) || 'bandwidth', unit = resource === 'frames' ? 'frames' : 'bytes';
const ofRun = results.kind === 'run', clips = list(results.clips), allSound = clips.length > 0 && clips.every(soundOf);
const joined = (parts, glue) => parts.filter((p) => p).join(glue);

// "31 % fewer bytes than"
function comparedBytes(p) {
  const size = Math.abs(p);
  if (size < 0.5) return 'as many ' + unit + ' as';
  return fixed(size, size < 10 ? 1 : 0) + '\u00a0% ' + (p < 0 ? 'fewer' : 'more') + ' ' + unit + ' than';
}
const signedPercent = (p) => (num(p) === null ? '\u2013' : (p > 0 ? '+' : '') + fixed(p, 1) + '\u00a0%');
// "−50.1 … −39.8 %": how far it scatters.
const scatter = (row) => (num(row.low) === null || num(row.high) === null ? '' : signedPercent(row.low).replace('\u00a0%', '') + ' \u2026 ' + signedPercent(row.high));
const range = (from, to) => (num(from) === null || num(to) === null ? '' : fixed(from, 2) + ' \u2026 ' + fixed(to, 2));

// Lines break between words only: a hyphen is a part of an option.
const unbroken = (text) => str(text).split(' ').flatMap((word, i) => [i ? ' ' : '', el('span', {}, word)]);

function showHead() {
  if (ofRun) document.title = 'OneAdapt run';
  page.append(el('h1', {}, document.title));
  const facts = joined([
    str(results.model) && 'model ' + str(results.model), str(results.classes) && 'classes ' + str(results.classes).split(',').join(', '),
    str(results.knobs) && 'knobs ' + str(results.knobs).split(',').join(', '), str(results.version) && 'version ' + str(results.version),
  ], ' \u00b7 ');
  if (facts) page.append(el('p', { className: 'quiet' }, facts));
  if (str(results.command)) {
    page.append(el('pre', {}, unbroken(results.command)));
  }
  if (clips.some((c) => !ofRun || num(obj(c.reference).kbps) !== null)) {
    const truth = results.reference === 'uncoded' ? 'before any coding' : 'under the most expensive configuration';
    page.append(el('p', {}, allSound ? 'Accuracy is ' + metric + ' of words against those under the most expensive configuration, which may be half a second apart. ' +
      'A second in which neither has a word counts as 1 over time, and for nothing in the whole run. Bandwidth is what the filter sends, relative to that configuration.'
      : 'Accuracy is ' + metric + (results.metric === 'miou' ? '' : ' (IoU 0.5)') +
      ' against the result on the same frames ' + truth + '; a frame that was not sent keeps the last result. ' +
      (resource === 'frames' ? 'Frames analysed are all that the DNN did, profiles and gradients (as one each) counted, relative to that configuration.'
        : 'Bandwidth is what is sent, relative to the most expensive configuration.')));
  }
  if (clips.length > 1) {
    page.append(el('nav', { ariaLabel: 'Clips' }, el('ul', {},
      clips.map((c, i) => el('li', {}, el('a', { href: '#clip-' + i }, str(c.clip) || 'clip ' + (i + 1)))))));
  }
}

// A clip that has no BD-rate has its least bandwidths instead.
function flatAnswer(clip) {
  const there = list(clip.bandwidth_at).filter((b) => resourceOf(b, resource) !== null && num(b.accuracy) !== null);
  if (clip.flat !== true || !there.length) return null;
  const least = there.map((b, i) => [i ? ', ' : ' ', key(str(b.policy)), str(b.policy) + ' ', el('strong', {}, percent(resourceOf(b, resource)))]).flat();
  return el('p', { className: 'answer' }, el('strong', {}, str(clip.clip)), ' is flat: ' + metric + ' \u2265 ' + Number(there[0].accuracy.toFixed(3)) + ' takes', ...least, ' of the bandwidth.');
}

function showSummary() {
  const means = list(results.mean_bd_rate).filter((m) => num(m.percent) !== null);
  const pairs = [...new Set(clips.flatMap((c) => list(c.bd_rate).map((b) => str(b.policy) + '\n' + str(b.against))))];
  const perClip = clips.length > 1 && pairs.length;
  const flats = clips.map(flatAnswer).filter((p) => p);
  if (!means.length && !perClip && !flats.length) return;
  page.append(el('h2', {}, 'Summary'));
  for (const m of means) {
    const worst = num(m.worst) === null || clips.length < 2 ? '' : '; on the worst clip ' + comparedBytes(m.worst).replace(/ (than|as)$/, '');
    const where = range(m.from, m.to) && ', ' + metric + ' ' + range(m.from, m.to);
    page.append(el('p', { className: 'answer' }, key(str(m.policy)), el('strong', {}, str(m.policy)), ' needs ',
      el('strong', {}, comparedBytes(m.percent)), ' ' + str(m.against) + ' at equal accuracy' + where + (scatter(m) && ' (' + scatter(m) + ')') + worst + '.'));
  }
  page.append(...flats);
  if (means.some(scatter)) {
    page.append(el('p', { className: 'quiet' }, 'In brackets: 16 to 84\u00a0% of 200 resamples, for which each clip\u2019s seconds are drawn anew.'));
  }
  if (!perClip) return;
  const columns = [{ title: 'clip' }, ...pairs.map((p) => ({ title: p.replace('\n', ' against '), number: true }))];
  const rows = clips.map((c, i) => [
    el('a', { href: '#clip-' + i }, str(c.clip) || 'clip ' + (i + 1)),
    ...pairs.map((p) => {
      const entry = list(c.bd_rate).find((b) => str(b.policy) + '\n' + str(b.against) === p);
      return entry ? signedPercent(entry.percent) : '';
    }),
  ]);
  if (means.length) {
    rows.push([el('strong', {}, 'mean'), ...pairs.map((p) => {
      const entry = means.find((m) => str(m.policy) + '\n' + str(m.against) === p);
      return entry ? el('strong', {}, signedPercent(entry.percent)) : '';
    })]);
  }
  const averaged = list(obj(results.mean_curve).bd_rate);
  if (averaged.some((b) => num(b.percent) !== null)) {
    rows.push([el('strong', {}, 'mean curve'), ...pairs.map((p) => {
      const entry = averaged.find((b) => str(b.policy) + '\n' + str(b.against) === p);
      return entry ? el('strong', {}, signedPercent(entry.percent)) : '';
    })]);
  }
  page.append(table('BD-rate: ' + unit + ' at equal accuracy (negative: fewer; \u2013: see the clip)', columns, rows));
}

function bdTable(clip) {
  const entries = list(clip.bd_rate);
  const columns = [{ title: 'policy' }, { title: 'against' }, { title: unit, number: true }, { title: '16 \u2026 84\u00a0%' }, { title: metric + ' from \u2026 to' }];
  return table('BD-rate: ' + unit + ' at equal accuracy', columns, entries.map((b) => [
    named(str(b.policy)), str(b.against), signedPercent(b.percent), num(b.percent) === null ? '' : scatter(b),
    num(b.percent) === null ? str(b.reason) || 'not known' : range(b.from, b.to),
  ]));
}
function resourceTable(clip) {
  return table('Least ' + resourceName(resource) + ' at an accuracy', [{ title: 'policy' }, { title: metric, number: true }, { title: resourceName(resource), number: true }],
    list(clip.bandwidth_at).map((b) => [
      named(str(b.policy)), '\u2265 ' + (num(b.accuracy) === null ? '?' : Number(b.accuracy.toFixed(3))), resourceOf(b, resource) === null ? 'not reached' : percent(resourceOf(b, resource)),
    ]));
}

// What was asked for, and what came of it; the seconds in which it is found are left out of both accuracies.
function askedTable(clip) {
  const kbps = num(obj(clip.reference).kbps);
  const rows = list(clip.curves).flatMap((c) => list(c.points).filter((p) => num(p.asked) !== null).map((p) => {
    const seconds = list(p.intervals), measured = seconds.slice(seconds.length > 8 ? 5 : 2).map((i) => num(i.measured_accuracy)).filter((a) => a !== null);
    return [named(str(c.policy)), String(p.asked), fixed(p.settled, 3), measured.length ? fixed(measured.reduce((a, b) => a + b, 0) / measured.length, 3) : '\u2013',
      kbps === null || num(p.bandwidth) === null ? '' : fixed(p.bandwidth * kbps, 0)];
  }));
  return table('Accuracy asked for, and kept', [{ title: 'policy' }, { title: 'asked', number: true }, { title: metric, number: true },
    { title: 'measured', number: true }, { title: 'kbit/s', number: true }], rows);
}

// The intervals of one point as steps: value(interval) from its time to the next one's; a gap where there is none.
function steps(intervals, end, value) {
  const data = [];
  for (const i of list(intervals).filter((e) => num(e.t) !== null)) {
    const y = num(value(i));
    // The step before ends here, not where it began.
    if (y === null && data.length) data.push({ x: i.t, y: data[data.length - 1].y });
    data.push({ x: i.t, y: y === null ? NaN : y });
  }
  if (data.length && data[data.length - 1].x < end) data.push({ x: end, y: data[data.length - 1].y });
  return data;
}
function endOf(clip, curves) {
  if (num(clip.seconds) > 0) return clip.seconds;
  let end = 0;
  for (const c of curves) {
    for (const p of list(c.points)) {
      const t = list(p.intervals).map((i) => num(i.t)).filter((v) => v !== null);
      if (t.length) end = Math.max(end, t[t.length - 1] + (t.length > 1 ? t[1] - t[0] : 1));
    }
  }
  return end;
}

const knobTitles = { qp: 'QP', scale: 'scale (of the side)', framerate: 'frames a second', 'qp-map': 'QP under the map', 'second pass': 'QP of the second pass', rate: 'sampling rate (Hz)', bits: 'bits a sample' };

// `dense`: one picture of them all, with the time axis at its lower end.
function timeCharts(parent, clip, curves, chosen, dense = false) {
  const runs = chosen.filter((c) => list(c.point.intervals).length);
  const end = endOf(clip, curves);
  if (!runs.length || !end) return;
  const there = new Set(runs.flatMap((r) => list(r.point.intervals).flatMap((i) => Object.keys(obj(i.knobs)))));
  const knobs = [...new Set([...Object.keys(knobTitles), ...there])].filter((k) => there.has(k));
  const sound = soundOf(clip);
  const longest = Math.max(0, ...list(clip.curves).map((c) => str(c.policy).length));
  const yWidth = sound ? Math.max(64, 14 + 7 * longest) : 64;  // policies' names stand there
  const x = { min: 0, max: end, title: axisTitle('time (s)'), ticks: { maxRotation: 0, includeBounds: false } };
  const kinds = [
    ...knobs.map((k) => ({ title: knobTitles[k] || k, value: (i) => obj(i.knobs)[k], y: { grace: '10%' }, rate: k === 'rate' })),
    { title: metric, value: (i) => i.accuracy, y: {}, accuracy: true },
    { title: 'kbit/s', value: (i) => i.kbps, y: { beginAtZero: true } },
    ...(sound ? [] : [{ title: 'objects', value: (i) => i.objects, y: { beginAtZero: true, ticks: { precision: 0 } } }]),
  ];
  if (sound) {
    waveChart(parent, sound, x, yWidth);
    heardChart(parent, runs, x, yWidth);
  }
  const drawn = kinds.map((kind) => ({
    kind, series: runs.map((r) => ({ name: r.policy, dash: lookOf(r.policy).dash, data: steps(r.point.intervals, end, kind.value) }))
      .filter((s) => s.data.some((p) => !Number.isNaN(p.y))),
  })).filter(({ series }) => series.length);
  for (const { kind, series } of drawn) {
    const values = series.flatMap((s) => s.data.map((p) => p.y)).filter((y) => !Number.isNaN(y));
    const y = kind.accuracy ? accuracyAxis(values, kind.title) : kind.rate ? rateAxis(values, kind.title) : { ...kind.y, title: axisTitle(kind.title) };
    // Equally wide, so that the time axes stand exactly below each other.
    y.afterFit = (axis) => { axis.width = yWidth; };
    y.ticks = { ...y.ticks, maxTicksLimit: dense ? 4 : 6 };
    const timed = !dense || kind === drawn[drawn.length - 1].kind;
    if (dense) y.title = { display: false };
    lineChart(titled(parent, dense && kind.title), kind.title + ' over time', !dense ? 172 : timed ? 112 : 74, series,
      timed ? x : { ...x, title: { display: false }, ticks: { display: false } }, y, { legend: false, stepped: true, xName: 'from', xUnit: ' s' });
  }
  const times = sound && backTable(sound, runs, end);
  if (times) parent.append(times);
}

function overheadCharts(parent, clip, chosen) {
  const grid = el('div', { className: 'grid four' });
  const heading = el('h3', {}, 'Overheads'), note = el('p', { className: 'quiet' }, 'Of the runs chosen above.');
  parent.append(heading, note, grid);
  const kbps = num(obj(clip.reference).kbps), seconds = num(clip.seconds);
  const rows = (values) => chosen.map((c) => ({
    name: c.policy, colour: lookOf(c.policy).colour, values: values(c.point), note: str(c.point.setting),
  }));
  barChart(grid, 'Sensor', rows((p) => [p.sensor_cpu_s]), 'CPU time (s)');
  barChart(grid, 'Server: inference, gradient (pale)', rows((p) => [p.inference_s, p.gradient_s]), 'time (s)');
  barChart(grid, 'Extra inferences', rows((p) => [p.extra_inferences]), 'frames');
  barChart(grid, 'Feedback', rows((p) => {
    const video = kbps * 125 * seconds * num(p.bandwidth);
    return [num(p.feedback_bytes) !== null && video > 0 ? 100 * p.feedback_bytes / video : null];
  }), '% of the stream\u2019s bytes');
  if (!grid.children.length) for (const e of [heading, note, grid]) e.remove();
}

// A select for each policy says which of its runs the time and overhead charts show.
function showRuns(section, clip, curves) {
  const holder = el('div', {});
  const choice = curves.map((c) => {
    const points = list(c.points);
    const distance = (p) => (num(p.accuracy) === null ? Infinity : Math.abs(p.accuracy - 0.9)) + (list(p.intervals).length ? 0 : 10);
    // The run whose pictures are shown, too.
    const shown = obj(clip.shown), pictured = str(shown.policy) === str(c.policy) ? points.findIndex((p) => str(p.setting) === str(shown.setting)) : -1;
    const nearest = pictured >= 0 ? pictured : points.reduce((best, p, i) => (distance(p) < distance(points[best]) ? i : best), 0);
    const text = (p) => joined([str(p.setting) || 'run', percent(resourceOf(p, resource)), num(p.accuracy) !== null && metric + ' ' + fixed(p.accuracy, 3)], ', ');
    const select = el('select', { onchange: () => redraw() },
      points.map((p, i) => el('option', { value: i, selected: i === nearest }, text(p))), el('option', { value: -1 }, 'not shown'));
    return { policy: str(c.policy), points, select };
  });
  const time = el('div', {}), rest = el('div', {});
  let own = [];
  function redraw() {
    for (const c of own) {
      charts.splice(charts.indexOf(c), 1);
      c.destroy();
    }
    time.replaceChildren();
    rest.replaceChildren();
    const first = charts.length;
    const chosen = choice.filter((c) => c.select.value >= 0).map((c) => ({ policy: c.policy, point: c.points[c.select.value] }));
    timeCharts(time, clip, curves, chosen);
    overheadCharts(rest, clip, chosen);
    own = charts.slice(first);
  }
  section.append(holder);
  holder.append(el('h3', {}, 'Over time'),
    el('form', { className: 'choice', autocomplete: 'off' }, choice.map((c) => el('label', {}, lineKey(c.policy), c.policy, c.select))), time, rest);
  redraw();
  if (!own.length) holder.remove();
}

function pointsTable(clip, curves) {
  const kbps = num(obj(clip.reference).kbps);
  const all = [
    [resourceName(resource), (p) => percent(resourceOf(p, resource))], ['kbit/s', (p) => (kbps === null || num(p.bandwidth) === null ? '' : fixed(p.bandwidth * kbps, 1))],
    [metric, (p) => fixed(p.accuracy, 3)], ['frames analysed', (p) => fixed(p.frames_analysed, 0)],
    ['extra inferences', (p) => fixed(p.extra_inferences, 0)], ['sensor CPU (s)', (p) => fixed(p.sensor_cpu_s, 2)],
    ['inference (s)', (p) => fixed(p.inference_s, 2)], ['gradient (s)', (p) => fixed(p.gradient_s, 2)],
    ['feedback (bytes)', (p) => fixed(p.feedback_bytes, 0)],
  ];
  const points = curves.flatMap((c) => list(c.points).map((p) => ({ policy: str(c.policy), p })));
  const columns = all.filter(([, value]) => points.some(({ p }) => value(p) !== ''));
  const t = table('', [{ title: 'policy' }, { title: 'setting' }, ...columns.map(([title]) => ({ title, number: true }))],
    points.map(({ policy, p }) => [named(policy), str(p.setting), ...columns.map(([, value]) => value(p))]));
  return t && el('details', {}, el('summary', {}, 'All runs (' + points.length + ')'), t);
}

// What was taken of a clip, and what it takes in the most expensive configuration.
function clipFacts(clip) {
  const reference = obj(clip.reference), sound = soundOf(clip);
  const facts = sound ? short(num(clip.seconds)) + ' s of sound' : joined([
    num(clip.width) && num(clip.height) && clip.width + '\u00d7' + clip.height, num(clip.seconds) && short(clip.seconds) + ' s',
    num(clip.fps) && short(clip.fps) + ' frames/s', num(clip.frames) && clip.frames + ' frames',
  ], ', ');
  const most = joined([
    num(reference.kbps) && short(reference.kbps) + ' kbit/s', sound ? timedWords(sound.words).length + ' words' : num(reference.objects_per_frame) !== null && short(reference.objects_per_frame) + ' objects a frame',
    num(reference.near_threshold) !== null && percent(reference.near_threshold) + ' of them with a score near the threshold',
    !sound && num(reference.frames_analysed) !== num(clip.frames) && num(reference.frames_analysed) && reference.frames_analysed + ' frames analysed',
  ], ', ');
  return joined([facts, most && 'Most expensive configuration: ' + most], '. ');
}

const stillsOf = (clip) => list(clip.stills).filter((s) => str(s.image).startsWith('data:image/'));
function showStills(section, clip) {
  const stills = stillsOf(clip);
  if (!stills.length) return;
  section.append(el('h3', {}, 'What the DNN saw'),
    el('p', { className: 'quiet' }, 'With its boxes, and the gradient as a heat map: where its result depends on the picture.'),
    el('div', { className: 'stills' }, stills.map((s) => el('figure', {}, el('img', { src: s.image, alt: str(s.caption) }), el('figcaption', {}, str(s.caption))))));
}

function showClip(clip, index) {
  const section = el('section', {}, el('h2', { id: 'clip-' + index }, str(clip.clip) || 'Clip ' + (index + 1))), facts = clipFacts(clip);
  page.append(section);
  if (facts) section.append(el('p', { className: 'quiet' }, facts));
  if (clip.flat === true) {
    section.append(el('p', { className: 'note' }, 'Accuracy hardly depends on the bandwidth here: the curve is too flat for a BD-rate. ' +
      'What counts is the least bandwidth at which the accuracy is kept.'));
  }
  const curves = list(clip.curves).filter((c) => list(c.points).length);
  const chart = el('div', {}), tables = [resourceTable(clip), bdTable(clip), askedTable(clip)].filter((t) => t);
  if (clip.flat !== true && bdTable(clip)) tables.unshift(...tables.splice(1, 1));
  if (curves.length || tables.length) section.append(el('div', { className: 'beside' }, chart, el('div', { className: 'tables' }, tables)));
  tradeoffChart(chart, curves, results.metric, 460, lookOf, resource);
  if (curves.length) showRuns(section, clip, curves);
  showStills(section, clip);
  const details = pointsTable(clip, curves);
  if (details) section.append(details);
}

// Colours go by the order of the policies in the results, wherever they are shown first.
for (const c of clips.flatMap((clip) => list(clip.curves))) lookOf(str(c.policy));
showHead();
if (!ofRun) showSummary();
clips.forEach(ofRun ? showRun : showClip);
showFigures(page, results);
if (!clips.length && !document.getElementById('figures')) page.append(el('p', {}, 'There are no results.'));
document.body.dataset.ready = charts.length;
