// The page: what a reader moves, and curves of what the network does.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 260, 46, 30];
const RATE = DATA.learning_rate;

let network, trained, unseen, total, marks, points, running, grokked;

const decoded = text => new Float32Array(
  Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);

function begin() {
  const seed = DATA.seeds[at("seed").value];
  const weights = Object.fromEntries(
    Object.entries(seed.weights).map(([name, text]) => [name, decoded(text)]));
  network = new Network(DATA.size, DATA.d_model, DATA.d_mlp, weights);
  [total, marks, points, grokked] = [0, [], [], null];
  take();
}

// Train from here on on the first D pairs of this seed's order, as a network that is trained on does.
function take() {
  trained = DATA.seeds[at("seed").value].order.slice(0, Number(at("examples").value));
  unseen = novel(trained, DATA.size);
  network.forget();
  if (total) marks.push(total);
  measure();
}

function measure() {
  points.push({
    step: total,
    trained: network.accuracy(trained),
    novel: network.accuracy(unseen),
    norm: network.norm(),
  });
}

function advance(steps) {
  for (let i = 0; i < steps; i++) {
    network.update(trained, { rate: RATE, decay: Number(at("decay").value) });
    total += 1;
    if (total % 10 === 0) measure();
  }
}

function line(name, low, high) {
  const x = step => LEFT + ((WIDTH - LEFT - 10) * step) / Math.max(total, 200);
  const y = v => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - 12) * (v - low)) / (high - low);
  return points.filter(p => p[name] !== null)
    .map((p, i) => `${i ? "L" : "M"}${x(p.step).toFixed(1)} ${y(p[name]).toFixed(1)}`).join("");
}

function draw() {
  at("line-trained").setAttribute("d", line("trained", 0, 1));
  at("line-novel").setAttribute("d", line("novel", 0, 1));
  const norms = points.map(p => p.norm);
  const [low, high] = [0, Math.max(...norms)];
  at("line-norm").setAttribute("d", line("norm", low, high));
  at("norm-high").textContent = high.toFixed(0);
  const x = step => LEFT + ((WIDTH - LEFT - 10) * step) / Math.max(total, 200);
  for (const id of ["marks", "marks-norm"]) {
    at(id).setAttribute("d", marks.map(m => `M${x(m)} 12V${HEIGHT - BOTTOM}`).join(""));
  }
  document.querySelectorAll(".last").forEach(one => {
    one.textContent = `step ${Math.max(total, 200).toLocaleString("en")}`;
  });
  const now = points.at(-1);
  const share = v => (v === null ? "none" : v.toFixed(2));
  at("said").textContent = `Step ${total.toLocaleString("en")}, on ${trained.length} of `
    + `${DATA.size ** 2} pairs: right on ${share(now.trained)} of them and on ${share(now.novel)} `
    + `of ${unseen.length} novel pairs; norm ${now.norm.toFixed(1)}.`;
  at("examples-said").textContent = at("examples").value;
  at("decay-said").textContent = Number(at("decay").value).toFixed(2);
}

function loop() {
  if (!running) return;
  const until = performance.now() + 30;
  do advance(5); while (performance.now() < until);
  draw();
  setTimeout(loop, 0);
}

function run(yes) {
  const was = running;
  running = yes;
  at("run").textContent = yes ? "Pause" : "Train";
  if (yes && !was) loop();
}

function set(examples, decay = 1) {
  at("examples").value = examples;
  at("decay").value = decay;
}

function ungrok(decay) {
  if (grokked) network.weights = grokked.map(w => w.slice());
  else grokked = network.weights.map(w => w.slice());
  set(DATA.ungrokking, decay);
  take();
  run(true);
}

at("run").addEventListener("click", () => run(!running));
at("again").addEventListener("click", () => { begin(); draw(); });
at("seed").addEventListener("change", () => { begin(); draw(); });
at("examples").addEventListener("change", () => { take(); draw(); });
at("examples").addEventListener("input", draw);
at("decay").addEventListener("input", draw);
at("grok").addEventListener("click", () => { set(DATA.grokking); begin(); run(true); });
// From one network twice: with decay, and, from the same weights again, without.
at("ungrok").addEventListener("click", () => ungrok(1));
at("nothing").addEventListener("click", () => ungrok(0));
at("semi").addEventListener("click", () => {
  at("seed").value = String(DATA.semi_grokked);
  set(DATA.semi_grokking); begin(); run(true);
});
begin();
draw();
