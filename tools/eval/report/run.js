// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of one run (oneadapt-run): what happened, second by second, in one picture.

// The run, and the most expensive configuration beside it where that was run.
function runTable(clip, curves) {
  const full = num(obj(clip.reference).kbps), seconds = num(clip.seconds);
  const rows = curves.map((c) => {
    const p = c.points[0];
    return [named(str(c.policy)), fixed(num(p.bytes) / 125 / seconds, 1), full === null ? '' : percent(p.bandwidth), fixed(p.accuracy, 3), fixed(p.frames_analysed, 0)];
  });
  return table('', [{ title: '' }, { title: 'kbit/s', number: true }, { title: 'bandwidth', number: true }, { title: metric, number: true },
    { title: 'frames analysed', number: true }], rows);
}

// Frames in a row, each above the part of the time axis that it is from: the edges are those of the charts below it.
function filmStrip(stills, area, width) {
  return el('div', { className: 'strip', style: 'margin:0 ' + (width - area.right) + 'px 0 ' + area.left + 'px' },
    stills.map((s) => el('figure', {}, el('img', { src: s.image, alt: str(s.caption) }), el('figcaption', {}, str(s.caption)))));
}

function showRun(clip) {
  const section = el('section', {}, el('h2', {}, str(clip.clip) || 'Clip')), facts = clipFacts(clip);
  const curves = list(clip.curves).filter((c) => list(c.points).length);
  page.append(section);
  if (facts) section.append(el('p', { className: 'quiet' }, facts));
  const numbers = runTable(clip, curves);
  if (numbers) section.append(numbers);
  if (str(results.advice)) section.append(el('p', { className: 'note' }, unbroken(results.advice)));
  const story = el('div', { className: 'story' });
  section.append(el('h3', {}, 'Second by second'), el('p', { className: 'choice' }, curves.map((c) => el('label', {}, lineKey(str(c.policy)), str(c.policy)))), story);
  const first = charts.length;
  timeCharts(story, clip, curves, curves.map((c) => ({ policy: str(c.policy), point: c.points[0] })), true);
  const stills = stillsOf(clip), chart = charts[first];
  if (stills.length && chart) story.prepend(filmStrip(stills, chart.chartArea, chart.width));
  showStills(section, clip);
}
