'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const make = (tag, text, parent) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
};
const fill = (select, names) => {
  select.replaceChildren();
  for (const [value, text] of names) make('option', text, select).value = value;
};
let set = data.datasets[0], order = { key: null, up: true };
const number = (value, digits) => value === null ? '\u2013' : value.toFixed(digits);
const short = value => value >= 1e6 ? value / 1e6 + 'M' : value >= 1e3 ? value / 1e3 + 'K' : String(+value.toPrecision(1));
const better = (column, a, b) => column.higher ? b - a : a - b;

function drawTable() {
  const table = $('table'), head = make('tr'), body = make('tbody');
  table.replaceChildren();
  make('th', 'method', head);
  for (const column of set.columns) {
    const cell = make('th', undefined, head), button = make('button', column.label, cell);
    cell.title = column.about;
    if (order.key === column.key) cell.setAttribute('aria-sort', order.up ? 'ascending' : 'descending');
    button.onclick = () => {
      order = { key: column.key, up: order.key === column.key ? !order.up : true };
      drawTable();
    };
  }
  make('thead', undefined, table).append(head);
  const rows = [...set.rows], column = set.columns.find(each => each.key === order.key);
  if (column) rows.sort((a, b) => {
    const [x, y] = [a.cells[column.key], b.cells[column.key]];
    if (x === null || y === null) return (x === null) - (y === null);
    return better(column, x, y) * (order.up ? 1 : -1);
  });
  for (const row of rows) {
    const line = make('tr', undefined, body);
    make('td', row.label, line);
    for (const column of set.columns) {
      const value = row.cells[column.key], cell = make('td', number(value, column.digits), line);
      if (value === null) continue;
      if (number(column.best, column.digits) === number(value, column.digits)) cell.className = 'best';
      if (row.trained.includes(column.key)) { cell.className = 'trained'; cell.title = 'trained on it'; }
      const interval = row.intervals[column.key];
      if (interval) make('span', ` ${number(interval[0], 1)}\u2013${number(interval[1], 1)}`, cell).className = 'interval';
    }
  }
  table.append(body);
  $('notes').replaceChildren(...set.notes.map(text => make('li', text)));
}

function drawPlot() {
  const [x, y] = ['x', 'y'].map(id => set.columns.find(each => each.key === $(id).value));
  const svg = $('plot'), names = 'http://www.w3.org/2000/svg';
  svg.replaceChildren();
  const add = (tag, attributes, text) => {
    const node = document.createElementNS(names, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    svg.append(node);
  };
  const points = set.rows.filter(row => x && y && row.cells[x.key] !== null && row.cells[y.key] !== null);
  if (!points.length) return add('text', { x: 20, y: 40 }, 'no method has both values');
  const scale = value => Math.log10(1 + value / x.unit);
  const span = list => { const [a, b] = [Math.min(...list), Math.max(...list)]; return a === b ? [a - 1, b + 1] : [a, b]; };
  const [left, right] = span(points.map(row => scale(row.cells[x.key])));
  const [low, high] = span(points.map(row => row.cells[y.key]));
  const share = row => (row.cells[y.key] - low) / (high - low);
  const put = row => [90 + 520 * (scale(row.cells[x.key]) - left) / (right - left),
    40 + 350 * (y.higher ? 1 - share(row) : share(row))];
  add('line', { x1: 70, y1: 415, x2: 780, y2: 415, class: 'axis' });
  add('line', { x1: 70, y1: 20, x2: 70, y2: 415, class: 'axis' });
  add('text', { x: 780, y: 455, 'text-anchor': 'end' }, `${x.label}: less to the left (log)`);
  add('text', { x: 76, y: 16 }, `${y.label}: better is higher up`);
  for (const value of [low, (low + high) / 2, high]) {
    const at = 40 + 350 * (y.higher ? (high - value) : (value - low)) / (high - low);
    add('text', { x: 64, y: at + 5, 'text-anchor': 'end' }, number(value, y.digits));
  }
  for (let power = -3; power < 12; power++) {
    const at = (scale(10 ** power) - left) / (right - left);
    if (at > 0.12 && at < 1.2) add('text', { x: 90 + 520 * at, y: 432, 'text-anchor': 'middle' }, short(10 ** power));
  }
  const used = [];
  for (const row of points.sort((a, b) => put(a)[1] - put(b)[1])) {
    const [cx, cy] = put(row);
    add('circle', { cx, cy, r: 5 });
    let ty = cy + 5;
    while (used.some(([ux, uy]) => Math.abs(ux - cx) < 150 && Math.abs(uy - ty) < 17)) ty += 3;
    used.push([cx, ty]);
    add('text', { x: cx + 9, y: ty }, row.name + (row.trained.includes(y.key) ? ' \u2020' : ''));
  }
}

function showScene() {
  const scene = data.scenes[$('scene').value];
  if (!scene) return;
  for (const side of ['left', 'right']) {
    const image = scene.images[$(side).value];
    $(side + '-image').src = image || '';
    $(side + '-image').alt = `${scene.name}, ${$(side).value}`;
  }
  slide();
}
function slide() {
  const at = $('slide').value;
  $('right-image').style.clipPath = `inset(0 0 0 ${at}%)`;
  $('bar').style.left = `calc(${at}% - 1px)`;
}

function choose() {
  set = data.datasets[$('dataset').value];
  const costs = set.columns.filter(each => each.group === 'cost' && each.unit);
  fill($('x'), costs.map(each => [each.key, each.label]));
  fill($('y'), set.columns.filter(each => each.unit === undefined).map(each => [each.key, each.label]));
  const first = set.columns.find(each => each.key === 'rank.information');
  if (first) $('y').value = first.key;
  $('costs').hidden = !costs.length;
  drawTable();
  drawPlot();
}
fill($('dataset'), data.datasets.map((each, index) => [index, `${each.title}, ${each.pairs} pairs`]));
fill($('scene'), data.scenes.map((each, index) => [index, each.name]));
if (data.scenes.length) {
  const methods = Object.keys(data.scenes[0].images);
  for (const side of ['left', 'right']) fill($(side), methods.map(name => [name, name]));
  $('left').value = methods[0];
  $('right').value = methods[methods.length - 1];
} else { $('scenes').hidden = true; }
$('dataset').onchange = choose;
for (const id of ['x', 'y']) $(id).onchange = drawPlot;
for (const id of ['scene', 'left', 'right']) $(id).onchange = showScene;
$('slide').oninput = slide;
choose();
showScene();
