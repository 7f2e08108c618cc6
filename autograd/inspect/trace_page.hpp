/// The page that Trace writes: its data stands between these two halves.
#pragma once

namespace gradtape::detail {

inline constexpr const char* trace_page_begin = R"page(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>tape</title>
<style>
  :root { --ink: #1d2733; --faint: #8a96a3; --line: #d9dfe5; --forward: #1769aa; --backward: #b3541e; --bad: #c62828; }
  body { margin: 0; font: 14px/1.45 system-ui, sans-serif; color: var(--ink); }
  header { position: sticky; top: 0; background: #fff; border-bottom: 1px solid var(--line); padding: 10px 16px; z-index: 1; }
  header b { font-size: 16px; margin-right: 12px; }
  button { font: inherit; min-width: 34px; }
  input[type=range] { width: 38vw; vertical-align: middle; }
  #step { display: inline-block; min-width: 260px; font-weight: 600; }
  #step.backward { color: var(--backward); } #step.forward { color: var(--forward); }
  .bad { color: var(--bad); font-weight: 600; }
  main { display: grid; grid-template-columns: minmax(420px, 3fr) minmax(320px, 2fr); }
  #tape { overflow-x: auto; padding: 8px 0 40px 8px; }
  .row { display: grid; grid-template-columns: 44px 1fr 110px 90px; height: 24px; align-items: center; cursor: pointer; border-radius: 4px; opacity: .35; }
  .row.done { opacity: 1; } .row.input { background: #eef4fa; }
  .row.now { background: #dcebf8; opacity: 1; } .backward .row.now { background: #fbe6da; } .backward .row.input { background: #fdf3ec; }
  .row i { font-style: normal; color: var(--faint); text-align: right; padding-right: 10px; }
  .shape, td { font-variant-numeric: tabular-nums; } .shape { color: var(--faint); }
  .bar { height: 8px; background: var(--forward); border-radius: 2px; } .backward .bar { background: var(--backward); }
  #graph { display: flex; } svg { flex: none; } path { fill: none; stroke: var(--line); } path.now { stroke: var(--forward); stroke-width: 2; } .backward path.now { stroke: var(--backward); }
  aside { position: sticky; top: 60px; align-self: start; padding: 12px 20px; border-left: 1px solid var(--line); min-height: 80vh; }
  h2 { margin: 4px 0 2px; } table { border-collapse: collapse; margin: 6px 0 14px; } td, th { padding: 1px 14px 1px 0; text-align: right; } th { text-align: left; font-weight: 400; color: var(--faint); }
</style>
<header>
  <b>tape</b><span id="summary"></span> <span id="trouble" class="bad"></span><br>
  <button id="first" title="Home">&#x21E4;</button> <button id="back" title="Left">&#x2190;</button>
  <input type="range" id="slider" min="0" value="0">
  <button id="next" title="Right">&#x2192;</button> <button id="last" title="End">&#x21E5;</button>
  <span id="step"></span>
</header>
<main><div id="tape"><div id="graph"><svg></svg><div id="rows" style="flex:1"></div></div></div><aside id="node"></aside></main>
<script>
const tape = )page";

inline constexpr const char* trace_page_end = R"page(;
const nodes = tape.nodes, N = nodes.length, $ = id => document.getElementById(id);
const text = (tag, content, cls) => { const e = document.createElement(tag); e.textContent = content; if (cls) e.className = cls; return e; };
const short = x => x == null ? '-' : Math.abs(x) >= 1e4 || (x && Math.abs(x) < 1e-3) ? x.toExponential(3) : String(+x.toPrecision(5));
const scaled = x => { for (const u of ['', ' k', ' M', ' G', ' T']) { if (x < 1000) return +x.toPrecision(3) + u; x /= 1000; } return x + ' P'; };
const title = n => n.op + (n.name ? ' ' + n.name : '');
const bad = s => s && s.nan + s.inf > 0;
const total = (side, what) => nodes.reduce((sum, n) => sum + n[side][what], 0);
const most = Math.max(1, ...nodes.map(n => n.forward.flops + n.backward.flops));

$('summary').textContent = `${N} nodes, forward ${scaled(total('forward', 'flops'))} flops, backward ${scaled(total('backward', 'flops'))} flops`;
$('trouble').textContent = tape.nonFinite ? `first NaN or infinity ${tape.nonFinite}` : '';
$('slider').max = 2 * N - 1;

const row = 24, width = 90, svg = document.querySelector('svg');
svg.setAttribute('width', width); svg.setAttribute('height', N * row);
const arcs = [];
nodes.forEach((n, i) => {
  const e = document.createElement('div');
  e.className = 'row'; e.onclick = () => go(step < N ? i : 2 * N - 1 - i);
  e.append(text('i', i), text('span', title(n), bad(n.value) || bad(n.gradient) ? 'bad' : ''), text('span', n.shape, 'shape'));
  const bar = text('div', '', 'bar'); bar.style.width = 80 * (n.forward.flops + n.backward.flops) / most + 'px'; e.append(bar);
  $('rows').append(e);
  for (const j of n.inputs) {
    const a = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    const y0 = j * row + row / 2, y1 = i * row + row / 2, bend = Math.max(4, width - 12 - 8 * Math.sqrt(i - j));
    a.setAttribute('d', `M${width} ${y0} C${bend} ${y0} ${bend} ${y1} ${width} ${y1}`);
    svg.append(a); arcs.push([j, i, a]);
  }
});
const rows = [...$('rows').children];

function statistics(name, s) {
  const t = document.createElement('table');
  const line = (k, v, cls) => { const r = t.insertRow(); r.append(text('th', k)); r.append(text('td', v, cls)); };
  if (!s) { line(name, 'not noted'); return t; }
  line(name, s.n + ' elements'); line('min', short(s.min)); line('max', short(s.max)); line('mean', short(s.mean)); line('norm', short(s.norm));
  line('NaN', s.nan, s.nan ? 'bad' : ''); line('infinite', s.inf, s.inf ? 'bad' : '');
  return t;
}

let step = 0;
function go(to) {
  step = Math.max(0, Math.min(2 * N - 1, to));
  const backward = step >= N, i = backward ? 2 * N - 1 - step : step, n = nodes[i];
  $('slider').value = step; history.replaceState(null, '', '#' + step);
  $('tape').className = backward ? 'backward' : ''; $('step').className = backward ? 'backward' : 'forward';
  $('step').textContent = `${backward ? 'backward' : 'forward'} ${(step % N) + 1} of ${N}: ${title(n)}`;
  rows.forEach((r, k) => { r.className = 'row' + (k == i ? ' now' : n.inputs.includes(k) ? ' input' : '') + (backward ? k >= i ? ' done' : '' : k <= i ? ' done' : ''); });
  for (const [j, k, a] of arcs) a.setAttribute('class', k == i ? 'now' : '');
  const cost = document.createElement('table');
  for (const side of ['forward', 'backward']) { const r = cost.insertRow(); r.append(text('th', side), text('td', scaled(n[side].flops) + ' flops'), text('td', scaled(n[side].bytes) + ' bytes')); }
  const from = text('p', n.inputs.length ? 'tracked inputs: ' + n.inputs.map(j => `${j} ${title(nodes[j])} ${nodes[j].shape}`).join(', ') : n.op == 'leaf' ? 'a leaf' : 'no tracked inputs');
  $('node').replaceChildren(text('h2', `${i} ${title(n)}`), text('div', `${n.shape} ${n.dtype}`, 'shape'), from, statistics('value', n.value), statistics('gradient', n.gradient), cost);
  rows[i].scrollIntoView({block: 'nearest'});
}
$('first').onclick = () => go(0); $('back').onclick = () => go(step - 1); $('next').onclick = () => go(step + 1); $('last').onclick = () => go(2 * N - 1);
$('slider').oninput = e => go(+e.target.value);
document.onkeydown = e => { const to = {ArrowRight: step + 1, ArrowLeft: step - 1, Home: 0, End: 2 * N - 1}[e.key]; if (to !== undefined && e.target.tagName != 'INPUT') { e.preventDefault(); go(to); } };
go(parseInt(location.hash.slice(1)) || 0);
</script>
</html>
)page";

}  // namespace gradtape::detail
