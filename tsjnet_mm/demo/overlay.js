// The overlay of two images before they are fused, and the points that a visitor corrects.
//
// Gradio runs this file as the body of a function of element, trigger, props and watch.
// props.value is what the callbacks of page.py return, see describe_overlay in alignment.py. The event
// "submit" has {points: [[x_ir, y_ir, x_vi, y_vi], ...]}.

const SHELL = `
  <p class="words" role="status"></p>
  <div class="stage" role="img" aria-label="The infrared image over the visible image">
    <img class="vi" alt="" draggable="false">
    <div class="over"><img class="ir" alt="" draggable="false"></div>
    <img class="mask" alt="" draggable="false">
  </div>
  <div class="bar">
    <label><input type="radio" name="blend" value="mix" checked> Mix</label>
    <label><input type="radio" name="blend" value="wipe"> Wipe</label>
    <input type="range" class="level" min="0" max="100" value="50"
      aria-label="Share of the infrared image">
    <label><input type="checkbox" class="brighten"> Brighten</label>
    <label class="marks"><input type="checkbox" checked> Misaligned regions in red</label>
  </div>
  <details>
    <summary>Correct four points by hand</summary>
    <p>Drag each number onto the same detail in both images. Or choose a number and click or
      tap a place; arrow keys move it by a pixel, with Shift by ten. The overlay follows.</p>
    <div class="panes">
      <figure>
        <figcaption>Infrared</figcaption><div class="pane"></div><div class="lens"></div>
      </figure>
      <figure>
        <figcaption>Visible</figcaption><div class="pane"></div><div class="lens"></div>
      </figure>
    </div>
    <div class="bar">
      <button type="button" class="use">Use these points</button>
      <button type="button" class="back">Put them back</button>
    </div>
  </details>`;
const LENS = 3; // magnification of a visible pixel, in CSS pixels
let data = null;
let points = [];
let selected = 0;

const find = (selector) => element.querySelector(`.overlay ${selector}`);
const all = (selector) => [...element.querySelectorAll(`.overlay ${selector}`)];

// The 3x3 matrix that maps the four points of side 0 onto those of side 1; null without one.
function solve(pairs) {
  const rows = pairs.flatMap(([x, y, u, v]) => [
    [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
    [0, 0, 0, x, y, 1, -v * x, -v * y, v],
  ]);
  for (let i = 0; i < 8; i += 1) {
    let pivot = i;
    for (let j = i; j < 8; j += 1) {
      if (Math.abs(rows[j][i]) > Math.abs(rows[pivot][i])) pivot = j;
    }
    if (Math.abs(rows[pivot][i]) < 1e-9) return null;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let j = 0; j < 8; j += 1) {
      const factor = rows[j][i] / rows[i][i];
      if (j !== i) rows[j] = rows[j].map((value, k) => value - factor * rows[i][k]);
    }
  }
  const h = rows.map((row, i) => row[8] / row[i]);
  return [h.slice(0, 3), h.slice(3, 6), [h[6], h[7], 1]];
}

const multiply = (a, b) =>
  a.map((row) => [0, 1, 2].map((j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));

function draw() {
  const stage = find('.stage');
  if (!data || !stage.clientWidth) return;
  const edited = find('details').open && JSON.stringify(points) !== JSON.stringify(data.points);
  const matrix = (edited && solve(points)) || data.matrix;
  const scale = stage.clientWidth / data.sizes[1][0];
  // Pixel (0, 0) has its centre half a pixel from the corner of the picture.
  const there = [[scale, 0, scale / 2], [0, scale, scale / 2], [0, 0, 1]];
  const m = multiply(there, multiply(matrix, [[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]));
  const css = [
    [m[0][0], m[1][0], 0, m[2][0]],
    [m[0][1], m[1][1], 0, m[2][1]],
    [0, 0, 1, 0],
    [m[0][2], m[1][2], 0, m[2][2]],
  ];
  find('.ir').style.transform = `matrix3d(${css.flat().join(',')})`;
  const level = find('.level').value;
  const wipes = find('input[value=wipe]').checked;
  find('.over').style.opacity = wipes ? 1 : level / 100;
  find('.over').style.clipPath = wipes ? `inset(0 ${100 - level}% 0 0)` : '';
  find('.mask').hidden = edited || !data.mask || !find('.marks input').checked;
  element.querySelector('.overlay').classList.toggle('bright', find('.brighten').checked);
  find('.use').disabled = !edited;
  find('.back').disabled = !edited;
  drawPoints();
}

function drawPoints() {
  for (const pin of all('.pin')) {
    const [side, index] = [Number(pin.dataset.side), Number(pin.dataset.index)];
    const [width, height] = data.sizes[side];
    const [x, y] = points[index].slice(2 * side, 2 * side + 2);
    pin.style.left = `${(100 * (x + 0.5)) / width}%`;
    pin.style.top = `${(100 * (y + 0.5)) / height}%`;
    pin.classList.toggle('selected', index === selected);
    const place = `x ${Math.round(x)}, y ${Math.round(y)}`;
    pin.setAttribute('aria-label', `Point ${index + 1}, ${side ? 'visible' : 'infrared'}, ${place}`);
  }
  all('.lens').forEach((lens, side) => {
    const [width, height] = data.sizes[side];
    const zoom = (LENS * data.sizes[1][0]) / data.sizes[0][0];
    const factor = side ? LENS : Math.min(4 * LENS, Math.max(1, zoom));
    const [x, y] = points[selected].slice(2 * side, 2 * side + 2);
    lens.style.backgroundImage = `url("${(side ? data.vi : data.ir).url}")`;
    lens.style.backgroundSize = `${width * factor}px ${height * factor}px`;
    const [left, top] = [(x + 0.5) * factor, (y + 0.5) * factor];
    lens.style.backgroundPosition =
      `${lens.clientWidth / 2 - left}px ${lens.clientHeight / 2 - top}px`;
  });
}

function move(side, index, x, y) {
  const [width, height] = data.sizes[side];
  const clip = (value, size) => Math.round(100 * Math.min(Math.max(value, 0), size - 1)) / 100;
  points[index].splice(2 * side, 2, clip(x, width), clip(y, height));
  draw();
}

function moveTo(side, index, event) {
  const box = all('.pane')[side].getBoundingClientRect();
  const [width, height] = data.sizes[side];
  move(side, index, ((event.clientX - box.left) / box.width) * width - 0.5,
    ((event.clientY - box.top) / box.height) * height - 0.5);
}

function addPin(pane, side, index) {
  const pin = document.createElement('button');
  Object.assign(pin, { type: 'button', className: 'pin', textContent: index + 1 });
  Object.assign(pin.dataset, { side, index });
  pin.addEventListener('focus', () => { selected = index; draw(); });
  pin.addEventListener('pointerdown', (event) => {
    pin.setPointerCapture(event.pointerId);
    pin.focus();
  });
  pin.addEventListener('pointermove', (event) => {
    if (pin.hasPointerCapture(event.pointerId)) moveTo(side, index, event);
  });
  pin.addEventListener('click', (event) => event.stopPropagation());
  pin.addEventListener('keydown', (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!way[event.key]) return;
    event.preventDefault();
    const step = event.shiftKey ? 10 : 1;
    const [x, y] = points[index].slice(2 * side, 2 * side + 2);
    move(side, index, x + step * way[event.key][0], y + step * way[event.key][1]);
  });
  pane.append(pin);
}

function build() {
  find('').innerHTML = SHELL;
  for (const control of all('.bar input')) control.addEventListener('input', draw);
  find('details').addEventListener('toggle', draw);
  find('.back').addEventListener('click', () => { points = structuredClone(data.points); draw(); });
  find('.use').addEventListener('click', () => trigger('submit', { points }));
  new ResizeObserver(draw).observe(find('.stage'));
  all('.pane').forEach((pane, side) => {
    pane.addEventListener('click', (event) => moveTo(side, selected, event));
  });
}

function show() {
  data = props.value && props.value.ir ? props.value : null;
  const root = element.querySelector('.overlay');
  if (!root) return;
  root.hidden = !data;
  element.querySelector('.hint').hidden = Boolean(data);
  if (!data) return;
  if (!root.firstElementChild) build();
  points = structuredClone(data.points);
  find('.words').textContent = data.words;
  find('.words').classList.toggle('refused', data.refused);
  find('.vi').src = data.vi.url;
  find('.ir').src = data.ir.url;
  if (data.mask) find('.mask').src = data.mask.url;
  find('.marks').hidden = !data.mask;
  const [[width, height], size] = data.sizes;
  Object.assign(find('.ir').style, { width: `${width}px`, height: `${height}px` });
  find('.stage').style.aspectRatio = size.join(' / ');
  if (data.refused) find('details').open = true;
  all('.pane').forEach((pane, side) => {
    pane.style.aspectRatio = data.sizes[side].join(' / ');
    const shown = document.createElement('div');
    shown.className = 'shown';
    shown.style.backgroundImage = `url("${(side ? data.vi : data.ir).url}")`;
    pane.replaceChildren(shown);
    points.forEach((_, index) => addPin(pane, side, index));
  });
  draw();
}

watch('value', show);
show();
