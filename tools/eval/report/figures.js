// SPDX-License-Identifier: LGPL-2.1-or-later
// The paper's own checks (oneadapt-eval --figure).

// Steps up by 1/n at each of the n values.
function cdf(values) {
  const sorted = [...values].sort((a, b) => a - b), out = [{ x: sorted[0], y: 0 }];
  sorted.forEach((v, i) => out.push({ x: v, y: (i + 1) / sorted.length }));
  out.push({ x: 1, y: 1 });
  return out;
}

function gradientCorrelation(page, f) {
  const series = [['per ' + (str(f.per) || 'configuration'), numbers(f.cosines)], ['per second', numbers(f.cosines_per_second)]]
    .filter(([, values]) => values.length);
  if (!series.length) return;
  page.append(el('h3', {}, 'OutputGrad against AccGrad'));
  page.append(el('p', {}, 'Cosine of the two gradients over the knobs, AccGrad from its definition: how much of the samples lies below. ',
    num(f.mean) !== null ? 'Mean ' + fixed(f.mean, 3) + ' ' + series[0][0] + '.' : ''));
  const all = series.flatMap(([, values]) => values);
  lineChart(titled(page), 'distribution of the cosine', 300,
    series.map(([name, values], i) => ({ name: name + ' (' + values.length + ')', data: cdf(values), style: look(i), dash: look(i).dash })),
    { title: axisTitle('cosine (\u22121 \u2026 1)'), min: Math.min(0, Math.floor(Math.min(...all) * 5) / 5), max: 1 },
    { title: axisTitle('fraction of the samples (0 \u2026 1)'), min: 0, max: 1 }, { stepped: true, xName: 'cosine' });
}

function gradientReuse(page, f, metric) {
  const distance = Array.isArray(f.distance) ? f.distance : [], cosine = Array.isArray(f.cosine) ? f.cosine : [];
  const data = distance.map((d, i) => ({ x: num(d), y: num(cosine[i]) })).filter((p) => p.x !== null && p.y !== null);
  const tradeoffs = list(f.tradeoff).filter((t) => list(t.curves).some((c) => list(c.points).length));
  if (!data.length && !tradeoffs.length) return;
  page.append(el('h3', {}, 'Reusing a gradient'));
  if (data.length) {
    page.append(el('p', {}, 'Cosine of the gradients of two frames, by how far they are apart.'));
    lineChart(titled(page), 'cosine of gradients against frame distance', 280, [{ name: 'cosine', data, style: look(0) }],
      { title: axisTitle('distance (frames)'), ticks: { precision: 0 } },
      { title: axisTitle('cosine (\u22121 \u2026 1)'), min: Math.min(0, ...data.map((p) => p.y)), max: 1 },
      { legend: false, radius: 4, xName: 'distance', xUnit: ' frames' });
  }
  if (!tradeoffs.length) return;
  const grid = el('div', { className: 'grid' });
  page.append(grid);
  for (const t of tradeoffs) tradeoffChart(titled(grid, str(t.clip)), t.curves, metric, 320, (_, i) => look(i));
}

function convergence(page, entries) {
  const runs = list(entries).filter((e) => numbers(e.objective).length);
  if (!runs.length) return;
  page.append(el('h3', {}, 'Convergence'));
  page.append(el('p', {}, 'The objective, accuracy \u2212 \u03bb \u00b7 bandwidth, from different first configurations; dashed: the best single configuration.'));
  const grid = el('div', { className: 'grid' });
  page.append(grid);
  for (const clip of new Set(runs.map((r) => str(r.clip)))) {
    const of = runs.filter((r) => str(r.clip) === clip);
    const series = of.map((r, i) => ({
      name: 'from ' + (str(r.start) || 'the start'), style: look(i),
      data: r.objective.map((y, x) => ({ x, y: num(y) === null ? NaN : y })),
    }));
    const last = Math.max(1, ...of.map((r) => r.objective.length - 1));
    for (const best of new Set(of.map((r) => num(r.best)).filter((b) => b !== null))) {
      series.push({ name: 'best', style: { colour: '#555555', marker: 'line' }, dash: [6, 4], data: [{ x: 0, y: best }, { x: last, y: best }] });
    }
    lineChart(titled(grid, clip), 'objective by interval, ' + clip, 300, series,
      { title: axisTitle('adaptation interval (number)'), min: 0, max: last, ticks: { precision: 0 } },
      { title: axisTitle('objective (1)'), grace: '4%', ticks: { maxTicksLimit: 8 } }, { xName: 'interval' });
  }
}

function gradientOverhead(page, entries) {
  const modes = list(entries).filter((m) => num(m.time_ratio) !== null || num(m.memory_mb) !== null);
  if (!modes.length) return;
  page.append(el('h3', {}, 'What the gradient costs'));
  const grid = el('div', { className: 'grid' });
  page.append(grid);
  const rows = (value) => modes.map((m) => ({ name: str(m.mode), colour: look(0).colour, values: [value(m)] }));
  barChart(grid, 'Time', rows((m) => m.time_ratio), 'time (inference only: 1)');
  barChart(grid, 'Memory', rows((m) => m.memory_mb), 'greatest memory (MB)');
}

function granularity(page, f) {
  const clips = list(f.clips).filter((c) => list(c.rows).some((r) => num(r.blocks) > 0));
  const sides = [['against_uniform', 'uniform'], ['against_region', 'region, same blocks'], ['against_fine_region', 'region on macroblocks']];
  const shown = clips.map((c) => ({
    clip: str(c.clip),
    series: sides.map(([key, name], i) => ({
      name: 'against ' + name, style: look(i), dash: look(i).dash,
      data: list(c.rows).map((r) => ({ x: num(r.blocks), y: num(r[key]) })).filter((p) => p.x > 0 && p.y !== null).sort((a, b) => a.x - b.x),
    })).filter((s) => s.data.length),
  })).filter((c) => c.series.length);
  if (!shown.length) return;
  page.append(el('h3', {}, 'Granularity'));
  page.append(el('p', {}, 'BD-rate of oneadapt by the number of blocks of a frame that have a QP of their own; the last are macroblocks. Negative: fewer bytes at equal accuracy.'));
  const grid = el('div', { className: 'grid' });
  page.append(grid);
  for (const { clip, series } of shown) {
    lineChart(titled(grid, clip), 'BD-rate by blocks, ' + clip, 300, series,
      { type: 'logarithmic', title: axisTitle('blocks in a frame (logarithmic)'), ticks: { maxRotation: 0 } },
      { title: axisTitle('BD-rate (%)'), grace: '5%', ticks: { maxTicksLimit: 8 } }, { radius: 4, xName: 'blocks:' });
  }
}

function showFigures(page, results) {
  const f = obj(results.figures);
  const section = el('section', {}, el('h2', { id: 'figures' }, 'Checks of the method'));
  page.append(section);
  gradientCorrelation(section, obj(f['gradient-correlation']));
  gradientReuse(section, obj(f['gradient-reuse']), results.metric);
  convergence(section, f.convergence);
  gradientOverhead(section, f.overhead);
  granularity(section, obj(f.granularity));
  if (section.children.length === 1) section.remove();
}
