// SPDX-License-Identifier: LGPL-2.1-or-later
// What a clip of sound has besides: the wave and what is said in it, what each run heard, who is back when.

const soundOf = (clip) => {
  const sound = obj(clip.sound);
  return numbers(sound.envelope).length && num(sound.step) > 0 ? sound : null;
};
const timedWords = (x) => list(x).filter((w) => num(w.t) !== null && str(w.word));

// As many columns as a screen has, each the loudest of its time.
function columns(envelope, step, most) {
  const per = Math.max(1, Math.ceil(envelope.length / most)), out = [];
  for (let i = 0; i < envelope.length; i += per) out.push({ x: i * step, y: Math.max(...envelope.slice(i, i + per)) });
  return out;
}

// Words upright above their time; where they stand close, in rows. A mark without a word where there is no row left.
const wordRows = 3, wordHeight = 42;
function drawWords(chart, words) {
  const { ctx, chartArea: area, scales } = chart, taken = Array(wordRows).fill(-Infinity);
  ctx.save();
  ctx.font = '11px system-ui, sans-serif';
  ctx.fillStyle = '#1a1a1a';
  ctx.strokeStyle = '#1a1a1a60';
  ctx.textBaseline = 'middle';
  for (const w of words) {
    const x = scales.x.getPixelForValue(w.t), row = taken.findIndex((t) => x - t >= 11);
    ctx.beginPath();
    ctx.moveTo(x, area.bottom);
    ctx.lineTo(x, area.top - (row < 0 ? 2 : row * wordHeight + 3));
    ctx.stroke();
    if (row < 0) continue;
    taken[row] = x;
    ctx.save();
    ctx.translate(x, area.top - row * wordHeight - 5);
    ctx.rotate(-Math.PI / 2);
    ctx.fillText(str(w.word), 0, 0, wordHeight - 5);
    ctx.restore();
  }
  ctx.restore();
}

// The wave as the clip has it (relative to its loudest), and the words of the reference.
function waveChart(parent, sound, x, yWidth) {
  const words = timedWords(sound.words), wave = columns(numbers(sound.envelope), sound.step, 1200);
  const loudest = Math.max(...wave.map((p) => p.y), 1e-3);
  const half = (sign) => wave.map((p) => ({ x: p.x, y: sign * p.y / loudest }));
  const common = { borderColor: '#7a8794', backgroundColor: '#7a8794', borderWidth: 1, pointRadius: 0, pointHitRadius: 0 };
  draw(titled(parent, 'Sound, and the words under the most expensive configuration'), 'wave and words over time', 90 + 16 + wordRows * wordHeight, {
    type: 'line',
    data: { datasets: [{ ...common, label: 'wave', data: half(1), fill: '+1' }, { ...common, label: 'wave', data: half(-1) }] },
    options: {
      layout: { padding: { top: wordRows * wordHeight + 4, right: 12 } },
      scales: { x: { type: 'linear', ...x }, y: { min: -1, max: 1, ticks: { display: false }, grid: { display: false }, afterFit: (axis) => { axis.width = yWidth; } } },
      plugins: { legend: { display: false }, tooltip: { enabled: false } },
    },
    plugins: [{ id: 'words', afterDatasetsDraw: (chart) => drawWords(chart, words) }],
  });
}

// A row for each run: what it heard rightly, heard wrongly, missed.
function heardChart(parent, runs, x, yWidth) {
  const kinds = [['heard', { pointStyle: 'circle' }, (i) => timedWords(i.words).filter((w) => w.right === true)],
    ['wrong', { pointStyle: 'crossRot', pointRadius: 5 }, (i) => timedWords(i.words).filter((w) => w.right !== true)],
    ['missed', { pointStyle: 'circle', backgroundColor: '#ffffff' }, (i) => timedWords(i.missed)]];
  const datasets = runs.flatMap((r) => kinds.map(([kind, style, of]) => ({
    label: r.policy + ', ' + kind, borderColor: lookOf(r.policy).colour, backgroundColor: lookOf(r.policy).colour, pointRadius: 4, borderWidth: 1.5, ...style,
    data: list(r.point.intervals).flatMap(of).map((w) => ({ x: w.t, y: r.policy, word: str(w.word) })),
  }))).filter((d) => d.data.length);
  if (!datasets.length) return;
  draw(titled(parent, 'Words heard (full), wrong (\u00d7) and missed (hollow)'), 'words heard and missed over time', 56 + 24 * runs.length, {
    type: 'scatter', data: { datasets },
    options: {
      scales: { x: { type: 'linear', ...x }, y: { type: 'category', labels: runs.map((r) => r.policy), offset: true, afterFit: (axis) => { axis.width = yWidth; } } },
      plugins: { legend: { display: false }, tooltip: { callbacks: { label: (item) => item.dataset.label + ': ' + item.raw.word + ', ' + fixed(item.raw.x, 1) + ' s' } } },
    },
  });
}

// Rungs are steps of a factor, not of a difference.
function rateAxis(values, title) {
  const rungs = [...new Set(values)].filter((v) => v > 0).sort((a, b) => a - b);
  if (!rungs.length) return { title: axisTitle(title) };
  // From the top, as far apart as text wants it.
  const ticks = [];
  for (const v of rungs.reverse()) if (!ticks.length || v <= ticks[ticks.length - 1] / 1.6) ticks.push(v);
  return {
    type: 'logarithmic', min: rungs[rungs.length - 1] / 1.15, max: rungs[0] * 1.15, title: axisTitle(title),
    afterBuildTicks: (axis) => { axis.ticks = ticks.map((value) => ({ value })); }, ticks: { autoSkip: false, callback: (v) => String(v) },
  };
}

// Where words come after a pause, the seconds that each run takes until its accuracy is back.
const pause = 4, back = 0.9;
function onsets(sound, end) {
  const starts = [];
  let last = -Infinity;
  for (const w of timedWords(sound.words).map((v) => v.t).sort((a, b) => a - b)) {
    if (w - last >= pause && Math.floor(w) >= pause) starts.push(Math.floor(w));
    last = w;
  }
  // As long as there are words, without a pause.
  return starts.map((t, i) => ({ t, until: starts[i + 1] ?? end }));
}
function backTable(sound, runs, end) {
  const said = (interval, next) => timedWords(sound.words).some((w) => w.t >= interval.t && w.t < next);
  const rows = onsets(sound, end).map(({ t, until }) => [fixed(t, 0) + ' s', ...runs.map((r) => {
    const intervals = list(r.point.intervals).filter((i) => num(i.t) !== null);
    const found = intervals.findIndex((i, n) => i.t + 1e-6 >= t && i.t < until && num(i.accuracy) >= back && said(i, n + 1 < intervals.length ? intervals[n + 1].t : end));
    return found < 0 ? 'not' : short(Math.max(0, intervals[found].t - t)) + ' s';
  })]);
  const times = table('', [{ title: 'words from' }, ...runs.map((r) => ({ title: r.policy, number: true }))], rows);
  return times && el('div', {}, el('h4', {}, 'Back after a pause'),
    el('p', { className: 'quiet' }, 'From the second in which words begin, after ' + pause + ' s without, to the first with words and an accuracy of ' + back +
      '; not: not before the next pause.'), times);
}
