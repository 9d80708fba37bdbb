// SPDX-License-Identifier: Apache-2.0
// The monitor's page: draws what the server's events bring. Texts of the node are only ever set as text.
"use strict";

const LOWEST_DB = -110, DB_STEP = 0.5, SHOWN_DB = 60, HEAT_DB = 45;
const ROWS = 14, SPAN_MS = 60000, HISTORY = 240, FEWEST = 40;
const OTHERS = 6;  // colours for classes that are not normal
// stops of a map from dark to light that keeps its order in grey
const HEAT = [[8, 10, 30], [60, 20, 100], [140, 40, 110], [215, 80, 70], [250, 160, 60], [252, 245, 190]];

const seen = {verdicts: [], segments: new Map(), spectra: [], wave: null, last: null, axis: 0};
const $ = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const count = (n) => n.toLocaleString("en");

function number(x) {
  if (x === 0) return "0";
  const size = Math.abs(x);
  return size >= 1000 || size < 1e-5 ? x.toExponential(1) : String(Number(x.toPrecision(3)));
}

function brief(x) {
  return Math.abs(x) < 0.005 ? "0" : Math.abs(x) < 1000 ? String(Number(x.toFixed(2))) : number(x);
}

function duration(s) {
  if (s < 1) return Math.round(1000 * s) + " ms";
  if (s < 120) return s.toFixed(1) + " s";
  return s < 7200 ? Math.round(s / 60) + " min" : (s / 3600).toFixed(1) + " h";
}

function colour(state) {
  if (!state) return style("--wait");
  if (state === seen.last.normal) return style("--good");
  const classes = (seen.last.node.classes || Object.keys(seen.last.counts)).filter((name) => name !== seen.last.normal);
  return style("--class" + Math.max(0, classes.indexOf(state)) % OTHERS);
}

function canvas(id) {
  const box = $(id), ratio = window.devicePixelRatio || 1;
  const width = box.clientWidth, height = box.clientHeight;
  if (box.width !== Math.round(width * ratio) || box.height !== Math.round(height * ratio)) {
    box.width = Math.round(width * ratio);
    box.height = Math.round(height * ratio);
  }
  const pen = box.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = style("--dim");
  return {pen, width, height};
}

function nothing(id, why) {
  const {pen, width, height} = canvas(id);
  pen.textAlign = "center";
  pen.fillText(why, width / 2, height / 2);
}

function grid(pen, x0, y, x1, text) {
  pen.strokeStyle = style("--line");
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x0, Math.round(y) + 0.5);
  pen.lineTo(x1, Math.round(y) + 0.5);
  pen.stroke();
  pen.fillStyle = style("--dim");
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillText(text, x0 - 6, y);
}

// round steps: 1, 2 or 5 times a power of ten
function step(range, most) {
  const power = 10 ** Math.floor(Math.log10(range / most));
  return [1, 2, 5, 10].map((k) => k * power).find((s) => range / s <= most);
}

function frequencies(pen, x0, x1, y, highest) {
  const by = step(highest, Math.max(2, Math.floor((x1 - x0) / 90)));
  pen.fillStyle = style("--dim");
  pen.textBaseline = "top";
  for (let f = 0; f <= highest * 1.0001; f += by) {
    const x = x0 + (x1 - x0) * f / highest;
    pen.textAlign = f === 0 ? "left" : f > highest * 0.97 ? "right" : "center";
    pen.fillText(count(f) + (f === 0 ? " Hz" : ""), x, y + 5);
  }
}

function drawTimeline() {
  const {pen, width, height} = canvas("timeline");
  const now = seen.last.t_ms, from = Math.max(now - SPAN_MS, 0);
  const x = (t) => width * (t - from) / Math.max(1000, Math.min(SPAN_MS, now));
  const hatched = new Set();
  for (const [number_, [begin, end, state, flaws]] of seen.segments) {
    if (end < from) {
      seen.segments.delete(number_);
      continue;
    }
    const left = x(Math.max(begin, from)), wide = Math.max(1, x(end) - left);
    pen.fillStyle = colour(state);
    pen.globalAlpha = flaws ? 0.35 : 1;
    pen.fillRect(left, 0, wide, height - 18);
    pen.globalAlpha = 1;
    if (flaws) {
      hatched.add(flaws);
      hatch(pen, left, wide, height - 18);
    }
  }
  pen.fillStyle = style("--dim");
  pen.textBaseline = "bottom";
  pen.textAlign = "left";
  pen.fillText(duration(Math.min(now, SPAN_MS) / 1000) + " ago", 0, height);
  pen.textAlign = "right";
  pen.fillText("now, " + duration(now / 1000) + " after the node's start", width, height);
  legend(hatched);
}

function hatch(pen, left, wide, high) {
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, wide, high);
  pen.clip();
  pen.strokeStyle = style("--ink");
  pen.globalAlpha = 0.5;
  pen.beginPath();
  for (let x = left - left % 7 - high; x < left + wide; x += 7) {
    pen.moveTo(x, high);
    pen.lineTo(x + high, 0);
  }
  pen.stroke();
  pen.restore();
}

function legend(hatched) {
  const names = new Set((seen.last.node.classes || Object.keys(seen.last.counts)).filter((name) => name));
  const items = [...names].map((name) => [name, colour(name)]);
  const wanted = JSON.stringify([items, [...hatched]]);
  if ($("legend").dataset.shown === wanted) return;
  $("legend").dataset.shown = wanted;
  $("legend").replaceChildren(...items.map(([name, fill]) => {
    const item = element("li"), box = element("i");
    box.style.background = fill;
    item.append(box, name);
    return item;
  }), ...(hatched.size ? [element("li", "hatched: can't tell (" + [...hatched].join("; ") + ")")] : []));
}

function drawWaveform() {
  const wave = seen.wave;
  const {pen, width, height} = canvas("waveform");
  const lane = (height - 20) / wave.axes.length, left = 52;
  const means = wave.values.map((column) => column.reduce((a, b) => a + b, 0) / column.length);
  const top = Math.max(...wave.peaks, 1e-9) * 1.05;
  wave.axes.forEach((axis, i) => {
    const middle = lane * (i + 0.5), column = wave.values[i];
    grid(pen, left, middle, width, axis + " " + brief(means[i]));
    pen.strokeStyle = style("--axis" + i % 4);
    pen.lineWidth = 1.2;
    pen.beginPath();
    column.forEach((value, k) => {
      const x = left + (width - left) * k / Math.max(1, column.length - 1);
      const y = middle - (value - means[i]) / top * lane * 0.48;
      if (k) pen.lineTo(x, y); else pen.moveTo(x, y);
    });
    pen.stroke();
  });
  pen.fillStyle = style("--dim");
  pen.textBaseline = "bottom";
  pen.textAlign = "left";
  pen.fillText("0", left, height);
  pen.textAlign = "right";
  pen.fillText(duration(wave.values[0].length / wave.rate_hz), width, height);
  put("wave_about", wave.axes.map((axis, i) => `${axis} ${number(wave.rms[i])} ${wave.unit} rms`).join(" · ")
      + ` · lanes ±${number(top)} ${wave.unit}`);
}

function drawSpectrum() {
  const wave = seen.wave, newest = seen.spectra[seen.spectra.length - 1];
  const {pen, width, height} = canvas("spectrum");
  const left = 62, bottom = height - 20, bins = newest[0].length, highest = wave.rate_hz / 2;
  const loudest = Math.max(...newest.map((axis) => Math.max(...axis.subarray(1))));
  const top = Math.ceil((loudest * DB_STEP + LOWEST_DB + 3) / 20) * 20, low = top - SHOWN_DB;
  const y = (db) => bottom * (1 - (Math.max(low, db) - low) / SHOWN_DB);
  for (let db = low; db < top; db += 20) grid(pen, left, y(db), width, number(10 ** (db / 20)) + " g");
  newest.forEach((axis, i) => {
    pen.strokeStyle = style("--axis" + i % 4);
    pen.lineWidth = 1.2;
    pen.beginPath();
    for (let k = 1; k < bins; k++) {
      const x = left + (width - left) * k / (bins - 1);
      if (k > 1) pen.lineTo(x, y(LOWEST_DB + DB_STEP * axis[k])); else pen.moveTo(x, y(LOWEST_DB + DB_STEP * axis[k]));
    }
    pen.stroke();
  });
  frequencies(pen, left, width, bottom, highest);
  put("spectrum_about", wave.axes.map((axis, i) => {
    const column = newest[i].subarray(1);
    const at = column.indexOf(Math.max(...column)) + 1;
    return `${axis} peak ${count(Math.round(at * highest / (bins - 1)))} Hz`;
  }).join(" · ") + " · amplitude");
}

function heat(share) {
  const at = Math.max(0, Math.min(0.9999, share)) * (HEAT.length - 1), k = Math.floor(at);
  return HEAT[k].map((from, c) => from + (HEAT[k + 1][c] - from) * (at - k));
}
const PALETTE = Array.from({length: 256}, (_, i) => heat(i / 255));

function drawSpectrogram() {
  const {pen, width, height} = canvas("spectrogram");
  const axis = Math.min(seen.axis, seen.spectra[0].length - 1), bins = seen.spectra[0][axis].length, left = 62;
  let loudest = 0;
  for (const run of seen.spectra) loudest = Math.max(loudest, Math.max(...run[axis].subarray(1)));
  const columns = Math.max(FEWEST, seen.spectra.length), first = columns - seen.spectra.length;
  const picture = new ImageData(columns, bins - 1), range = HEAT_DB / DB_STEP;
  seen.spectra.forEach((run, i) => {
    for (let k = 1; k < bins; k++) {
      const rgb = PALETTE[Math.max(0, Math.min(255, Math.round(255 * (1 - (loudest - run[axis][k]) / range))))];
      const at = 4 * ((bins - 1 - k) * columns + first + i);
      picture.data.set([rgb[0], rgb[1], rgb[2], 255], at);
    }
  });
  const hidden = document.createElement("canvas");
  hidden.width = columns;
  hidden.height = bins - 1;
  hidden.getContext("2d").putImageData(picture, 0, 0);
  const wide = width - left;
  pen.imageSmoothingEnabled = false;
  pen.drawImage(hidden, 0, 0, columns, bins - 1, left, 0, wide, height - 18);
  const highest = seen.wave.rate_hz / 2, by = step(highest, 4);
  for (let f = 0; f < highest; f += by) {
    const y = (height - 18) * (1 - f / highest);
    pen.fillStyle = style("--dim");
    pen.textAlign = "right";
    pen.textBaseline = f ? "middle" : "bottom";
    pen.fillText(count(f) + " Hz", left - 6, y);
  }
  pen.textBaseline = "bottom";
  pen.fillText("now", width, height);
  pen.textAlign = "left";
  pen.fillText(columns + " waveforms ago", left, height);
  put("spectrogram_about", `a column for each waveform · light is ${number(10 ** ((loudest * DB_STEP + LOWEST_DB) / 20))} g, dark `
      + `${HEAT_DB} dB less`);
  if ($("axes").childElementCount !== seen.wave.axes.length) {
    $("axes").replaceChildren(...seen.wave.axes.map((name, i) => {
      const button = element("button", name);
      button.type = "button";
      button.addEventListener("click", () => {
        seen.axis = i;
        draw();
      });
      return button;
    }));
  }
  [...$("axes").children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === axis)));
}

function drawCurves() {
  if (!seen.wave) {
    const why = seen.last.over || seen.last.verdict_count > 20 ? "the node sends no waveform" : "waiting for a waveform";
    ["waveform", "spectrum", "spectrogram"].forEach((id) => nothing(id, why));
    return;
  }
  drawWaveform();
  if (seen.spectra.length) {
    drawSpectrum();
    drawSpectrogram();
  } else {
    ["spectrum", "spectrogram"].forEach((id) => nothing(id, "slow samples have no spectrum"));
  }
}

function verdicts() {
  const scored = seen.verdicts.some((v) => v.score !== null);
  put("sure", scored ? "score" : "p");
  $("verdicts").tBodies[0].replaceChildren(...seen.verdicts.slice(-ROWS).reverse().map((v) => {
    const row = element("tr");
    const said = element("td", v.flaws ? "can't tell: " + v.flaws : v.label === null ? "–" : v.label);
    said.style.color = v.flaws ? style("--unsure") : colour(v.label);
    row.append(element("td", (v.t_ms / 1000).toFixed(2) + " s"), element("td", String(v.window)), said,
               element("td", scored ? (v.score === null ? "" : count(v.score)) : v.sure === null ? "" : v.sure.toFixed(2)),
               element("td", v.state === null ? "undecided" : v.state));
    return row;
  }));
}

function counts() {
  const last = seen.last;
  const named = last.node.classes || Object.keys(last.counts);
  const rows = named.map((name) => [name || "no class", last.counts[name] || 0, colour(name)]);
  for (const [flaw, n] of Object.entries(last.flaws)) rows.push(["can't tell: " + flaw, n, style("--unsure")]);
  const total = Math.max(1, ...rows.map((row) => row[1]));
  $("counts").replaceChildren(...rows.flatMap(([name, n, fill]) => {
    const value = element("dd"), bar = element("i");
    bar.style.width = 100 * n / total + "%";
    bar.style.background = fill;
    value.append(bar, element("b", count(n)));
    return [element("dt", name), value];
  }));
}

function health() {
  const last = seen.last, judged = Object.values(last.counts).reduce((a, b) => a + b, 0);
  const share = last.verdict_count ? 100 * judged / last.verdict_count : 0;
  const rows = [["windows", `${last.windows_per_s} a second, ${count(last.verdict_count)} so far`, ""],
                ["fit to be judged", last.verdict_count ? share.toFixed(1) + " %" : "–", share < 99 && last.verdict_count ? "unsure" : ""],
                ["true sample rate", last.rate_hz ? last.rate_hz.toFixed(2) + " Hz" : "not known yet", ""]];
  for (const [words, n] of Object.entries(last.bad)) rows.push([words, count(n), n ? "bad" : "good"]);
  $("health").replaceChildren(...rows.flatMap(([name, text, kind]) => [element("dt", name), element("dd", text, kind)]));
  $("told").replaceChildren(...last.told.map(([kind, text]) => element("li", kind === "text" ? text : `${kind}: ${text}`, kind)));
}

function draw() {
  const last = seen.last;
  if (!last) return;
  const node = last.node;
  put("name", node.node || last.title);
  document.title = last.said.toLowerCase() + " · " + (node.node || last.title);
  put("about", [node.node ? last.title : "", node.sensor, node.window ? `windows of ${node.window}, every ${node.hop} samples` : ""]
      .filter((part) => part).join(" · "));
  $("now").className = last.level;
  put("said", last.said.charAt(0) + last.said.slice(1).toLowerCase());
  const newest = seen.verdicts[seen.verdicts.length - 1];
  const sure = newest && newest.sure !== null ? `, newest window ${newest.label} with p ${newest.sure.toFixed(2)}` : "";
  put("since", newest ? `for ${duration(last.since_s)}${sure}` : "");
  document.body.classList.toggle("stale", last.silent || $("link").className === "off");
  if ($("link").className !== "off") put("link", last.over ? "ended" : last.silent ? `no line for ${duration(last.silent_s)}` : "live");
  put("span", "last " + duration(Math.min(SPAN_MS, Math.max(1000, last.t_ms)) / 1000));
  drawTimeline();
  drawCurves();
  verdicts();
  counts();
  health();
}

function bytes(text, axes) {
  const all = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), each = all.length / axes;
  return Array.from({length: axes}, (_, i) => all.subarray(i * each, (i + 1) * each));
}

function take(event) {
  const before = seen.last;
  if (before && (event.verdict_count < before.verdict_count || event.t_ms < before.t_ms)) {  // the node began again
    seen.segments.clear();
    seen.verdicts = [];
  }
  seen.last = event;
  seen.verdicts = [...seen.verdicts, ...event.verdicts].slice(-100);
  event.segments.forEach((segment, i) => seen.segments.set(event.first_segment + i, segment));
  if (event.wave) seen.wave = event.wave;
  const spectra = event.spectra.map((text) => bytes(text, seen.wave.axes.length));
  seen.spectra = [...seen.spectra, ...spectra].filter((run, _, all) => run[0].length === all[all.length - 1][0].length
      && run.length === all[all.length - 1].length).slice(-HISTORY);
}

let drawing = false;
function later() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function listen() {
  const source = new EventSource("events");
  source.onopen = () => {
    $("link").className = "on";
    Object.assign(seen, {verdicts: [], segments: new Map(), spectra: []});  // each connection brings the history anew
  };
  source.onmessage = (message) => {
    take(JSON.parse(message.data));
    later();
  };
  source.addEventListener("over", () => {
    source.close();
    $("link").className = "";
    draw();
  });
  source.onerror = () => {
    $("link").className = "off";
    put("link", "no connection to auscult monitor");
    later();
  };
}

window.addEventListener("resize", later);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
listen();
