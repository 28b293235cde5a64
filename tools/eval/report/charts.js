// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page's sections are made of: elements, numbers, and the kinds of chart. Chart.js draws.

// Results may come from an older or a newer program: everything is looked at before it is used.
const num = (x) => (typeof x === 'number' && Number.isFinite(x) ? x : null);
const list = (x) => (Array.isArray(x) ? x.filter((e) => e !== null && typeof e === 'object') : []);
const numbers = (x) => (Array.isArray(x) ? x.filter((e) => num(e) !== null) : []);
const obj = (x) => (x !== null && typeof x === 'object' && !Array.isArray(x) ? x : {});
const str = (x) => (typeof x === 'string' ? x : typeof x === 'number' ? String(x) : '');

// Text for people: U+2212 for minus; '' where there is no number.
const fixed = (x, digits) => (num(x) === null ? '' : x.toFixed(digits).replace(/^-(?=.*[1-9])/, '\u2212').replace(/^-/, ''));
const short = (x) => {
  if (num(x) === null) return '';
  const size = Math.abs(x);
  return fixed(x, size >= 100 || Number.isInteger(x) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
};
const percent = (fraction) => {
  if (num(fraction) === null) return '';
  const p = 100 * fraction;
  return fixed(p, Math.abs(p) < 0.1 && p !== 0 ? 3 : 1) + '\u00a0%';
};

function el(tag, properties, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in e) e[name] = value;
    else e.setAttribute(name, value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== ''));
  return e;
}

// Columns: {title, number: true for right-aligned}; a cell is text or a node. Null without rows.
function table(caption, columns, rows) {
  if (!rows.length) return null;
  const kind = (i) => (columns[i].number ? { className: 'number' } : {});
  return el('div', { className: 'scroll' }, el('table', {},
    caption ? el('caption', {}, caption) : null,
    el('thead', {}, el('tr', {}, columns.map((c, i) => el('th', { scope: 'col', ...kind(i) }, c.title)))),
    el('tbody', {}, rows.map((row) => el('tr', {}, row.map((cell, i) => el('td', kind(i), cell)))))));
}

// Okabe and Ito's colours, which the colour-blind can tell apart; marker and dashes say the same once more.
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const markers = ['circle', 'rect', 'triangle', 'rectRot', 'star', 'crossRot', 'cross'];
const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 2], [12, 4], [2, 6]];
const look = (i) => ({
  colour: colours[i % colours.length],
  marker: markers[(i + Math.floor(i / colours.length)) % markers.length],
  dash: dashes[(i + Math.floor(i / colours.length)) % dashes.length],
});
const pale = (colour) => colour + '70';
// A name looks the same in every chart of the page.
const known = [];
function lookOf(name) {
  if (!known.includes(name)) known.push(name);
  return look(known.indexOf(name));
}
const key = (name) => el('span', { className: 'key', style: 'background:' + lookOf(name).colour });
const named = (name) => el('span', { className: 'name' }, key(name), name);
// A piece of the line as the time charts draw it.
function lineKey(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const line = document.createElementNS(svg.namespaceURI, 'line');
  for (const [n, v] of Object.entries({ width: 34, height: 10 })) svg.setAttribute(n, v);
  const style = lookOf(name);
  for (const [n, v] of Object.entries({
    x1: 0, x2: 34, y1: 5, y2: 5, stroke: style.colour, 'stroke-width': 2.5, 'stroke-dasharray': style.dash.join(' '),
  })) line.setAttribute(n, v);
  svg.append(line);
  return svg;
}

Object.assign(Chart.defaults, { animation: false, maintainAspectRatio: false, locale: 'en-GB', color: '#1a1a1a' });
Object.assign(Chart.defaults.font, { family: 'system-ui, sans-serif', size: 12 });
Object.assign(Chart.defaults.plugins.legend.labels, { usePointStyle: true, boxWidth: 14, boxHeight: 7, padding: 14 });
Chart.defaults.layout.padding = { top: 4, right: 12 };

const charts = [];
// How many data points are within the axes, for tests.
function countPoints(chart) {
  const a = chart.chartArea;
  let n = 0;
  chart.data.datasets.forEach((_, i) => {
    for (const p of chart.getDatasetMeta(i).data) {
      if (p.x >= a.left - 1 && p.x <= a.right + 1 && p.y >= a.top - 1 && p.y <= a.bottom + 1) ++n;
    }
  });
  chart.canvas.dataset.points = n;
}
// Draws into `parent`, which has to be in the page already: the size comes from there.
function draw(parent, description, height, config) {
  const canvas = el('canvas', { role: 'img', 'aria-label': description });
  parent.append(el('div', { className: 'plot', style: 'height:' + height + 'px' }, canvas));
  const chart = new Chart(canvas, config);
  charts.push(chart);
  countPoints(chart);
  return chart;
}
const titled = (parent, title) => {
  const box = el('div', { className: 'chart' }, title ? el('h4', {}, title) : null);
  parent.append(box);
  return box;
};
const axisTitle = (text) => ({ display: true, text });
const accuracyName = (metric) => (metric === 'miou' ? 'mean IoU' : metric === 'f1' || !metric ? 'F1' : str(metric));

// 1, 2, 5, 10 …; a range that these do not fill gets finer ones.
function logTicks(min, max) {
  const of = (digits) => {
    const out = [];
    for (let e = Math.floor(Math.log10(min)); e <= Math.ceil(Math.log10(max)); ++e) {
      for (const d of digits) {
        const v = d * 10 ** e;
        if (v >= min * 0.999 && v <= max * 1.001) out.push({ value: v });
      }
    }
    return out;
  };
  const coarse = of([1, 2, 5]);
  return coarse.length >= 4 ? coarse : of([1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]);
}
// What a run is charged with: the bytes that it sent, or the frames that the DNN analysed.
const resourceName = (resource) => (resource === 'frames' ? 'frames analysed' : 'bandwidth');
const resourceOf = (point, resource) => num(resource === 'frames' ? point.frames : point.bandwidth);
function resourceAxis(values, resource) {
  let min = Math.min(...values) * 0.9, max = Math.max(...values) * 1.1;
  if (max < 2 * min) {
    min /= 1.5;
    max *= 1.2;
  }
  return {
    type: 'logarithmic', min, max,
    title: axisTitle(resourceName(resource) + ', % of the most expensive configuration (logarithmic)'),
    afterBuildTicks: (axis) => { axis.ticks = logTicks(min, max); },
    ticks: { autoSkip: false, maxRotation: 0, callback: (v) => String(Number(v.toPrecision(3))) },
  };
}
// Accuracy ends at 1, and a curve that varies by a thousandth must not look steep.
function accuracyAxis(values, title) {
  const min = Math.min(...values), max = Math.max(...values);
  return {
    title: axisTitle(title),
    min: Math.min(0.9, Math.floor(min * 20 - 0.2) / 20),
    max: max <= 1 ? 1 : undefined,
    ticks: { maxTicksLimit: 9, includeBounds: false },
  };
}

// The points that no other one of the curve beats in both resource and accuracy, by resource.
function frontier(points) {
  let best = -Infinity;
  return [...points].sort((a, b) => a.x - b.x || b.y - a.y).filter((p) => {
    const on = p.y > best;
    best = Math.max(best, p.y);
    return on;
  });
}

// Accuracy against what it takes; all points, joined along each curve's frontier. `style` gives a curve's look by name and
// number. False where there is nothing to draw.
function tradeoffChart(parent, curves, metric, height, style = lookOf, resource = 'bandwidth') {
  const datasets = [];
  for (const [number, curve] of list(curves).entries()) {
    const points = list(curve.points)
      .map((p) => ({ x: 100 * resourceOf(p, resource), y: num(p.accuracy), setting: str(p.setting) }))
      .filter((p) => p.x > 0 && p.y !== null);
    if (!points.length) continue;
    const name = str(curve.policy), { colour, marker } = style(name, number), front = frontier(points);
    const common = {
      label: name, borderColor: colour, pointStyle: marker, pointRadius: 5, pointHoverRadius: 7, borderWidth: 2,
      clip: 10,  // markers at the axes' ends stay whole
    };
    datasets.push({ ...common, data: front, showLine: true, backgroundColor: colour, onFrontier: true });
    datasets.push({
      ...common, data: points.filter((p) => !front.includes(p)), showLine: false, backgroundColor: '#ffffff', pointBorderWidth: 1.5,
    });
  }
  const all = datasets.flatMap((d) => d.data);
  if (!all.length) return false;
  const accuracy = accuracyName(metric);
  draw(parent, accuracy + ' against ' + resourceName(resource) + ' of ' + [...new Set(datasets.map((d) => d.label))].join(', '), height, {
    type: 'scatter', data: { datasets },
    options: {
      scales: {
        x: resourceAxis(all.map((p) => p.x), resource),
        y: accuracyAxis(all.map((p) => p.y), 'accuracy, ' + accuracy + ' (0 \u2026 1)'),
      },
      plugins: {
        legend: {
          position: 'top', align: 'start',
          labels: { filter: (item, data) => data.datasets[item.datasetIndex].onFrontier },
          // A policy's two sets come and go together.
          onClick: (_, item, legend) => {
            const chart = legend.chart, shown = chart.isDatasetVisible(item.datasetIndex);
            chart.data.datasets.forEach((d, i) => { if (d.label === item.text) chart.setDatasetVisibility(i, !shown); });
            chart.update();
          },
        },
        tooltip: {
          callbacks: {
            title: (items) => items.length ? items[0].dataset.label : '',
            label: (item) => [item.raw.setting, resourceName(resource) + ' ' + fixed(item.raw.x, 1) + ' %', accuracy + ' ' + fixed(item.raw.y, 3)].filter((s) => s),
          },
        },
      },
    },
  });
  return true;
}

// Chart.js leaves the dashes out of a legend of point styles.
const generateLabels = (chart) => Chart.defaults.plugins.legend.labels.generateLabels(chart)
  .map((item) => ({ ...item, lineWidth: 2, lineDash: chart.data.datasets[item.datasetIndex].borderDash }));

// Lines over numbers: series {name, data: [{x, y}], dash}; axes as Chart.js takes them.
function lineChart(parent, description, height, series, x, y, options) {
  const o = { legend: true, stepped: false, radius: 0, ...options };
  return draw(parent, description, height, {
    type: 'line',
    data: {
      datasets: series.map((s, i) => {
        const style = s.style || lookOf(s.name);
        return {
          label: s.name, data: s.data, stepped: o.stepped, borderColor: style.colour, backgroundColor: style.colour, order: -i,
          borderWidth: 2, borderDash: s.dash || [], pointRadius: o.radius, pointStyle: o.radius ? style.marker : 'line', pointHoverRadius: 4,
        };
      }),
    },
    options: {
      interaction: { mode: 'nearest', axis: 'x', intersect: false },
      scales: { x: { type: 'linear', ...x }, y },
      plugins: {
        legend: { display: o.legend, position: 'top', align: 'start', labels: { pointStyleWidth: o.radius ? undefined : 30, generateLabels, sort: (a, b) => a.datasetIndex - b.datasetIndex } },
        tooltip: {
          callbacks: {
            title: (items) => items.length ? (o.xName || '') + ' ' + short(items[0].parsed.x) + (o.xUnit || '') : '',
            label: (item) => item.dataset.label + ': ' + short(item.parsed.y),
          },
        },
      },
    },
  });
}

// One bar a row: rows {name, colour, values, note}; more than one value is stacked, the second one pale.
function barChart(parent, title, rows, axis) {
  if (!rows.some((r) => r.values.some((v) => num(v) !== null))) return null;
  const box = titled(parent, title);
  const stacks = Math.max(...rows.map((r) => r.values.length));
  return draw(box, title + ': ' + rows.map((r) => r.name).join(', '), 58 + 26 * rows.length, {
    type: 'bar',
    data: {
      labels: rows.map((r) => r.name),
      datasets: [...Array(stacks).keys()].map((k) => ({
        data: rows.map((r) => num(r.values[k])),
        backgroundColor: rows.map((r) => (k ? pale(r.colour) : r.colour)),
        maxBarThickness: 18,
      })),
    },
    options: {
      indexAxis: 'y',
      scales: {
        x: { stacked: true, beginAtZero: true, title: axisTitle(axis), ticks: { maxTicksLimit: 7, maxRotation: 0 } },
        y: { stacked: true, grid: { display: false } },
      },
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { label: (item) => [short(item.parsed.x), rows[item.dataIndex].note || ''].filter((s) => s) } },
      },
    },
  });
}

// Paper is narrower than the window, and what is closed stays closed on it.
addEventListener('beforeprint', () => {
  for (const d of document.querySelectorAll('details')) d.open = true;
  for (const c of charts) c.resize();
});
addEventListener('afterprint', () => { for (const c of charts) c.resize(); });
