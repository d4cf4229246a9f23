// A perceptron on two embedded operands, and AdamW, in plain arrays of float64: the same updates as
// `efficiency.train` makes of MLPSettings(precision="float64"). S symbols, M = d_model, L = d_mlp.
"use strict";

class Network {
  // weights: W_E (S, M), hidden.0.W_in (2M, L), hidden.0.b_in (L), W_U (L, S), b_U (S).
  constructor(size, width, hidden, weights) {
    this.S = size;
    this.M = width;
    this.L = hidden;
    this.names = ["W_E", "hidden.0.W_in", "hidden.0.b_in", "W_U", "b_U"];
    this.weights = this.names.map(name => Float64Array.from(weights[name]));
    this.gradients = this.weights.map(w => new Float64Array(w.length));
    this.left = new Float64Array(size * hidden); // what each symbol adds to the hidden layer, as a
    this.right = new Float64Array(size * hidden); // and as b
    this.forget();
  }

  // Empty moments, and count steps anew: as a network that is trained on begins.
  forget() {
    this.first = this.weights.map(w => new Float64Array(w.length));
    this.second = this.weights.map(w => new Float64Array(w.length));
    this.step = 0;
  }

  norm() {
    return Math.sqrt(this.weights.reduce((sum, w) => w.reduce((s, x) => s + x * x, sum), 0));
  }

  // What symbols add to the hidden layer, of which there are S, not of D examples.
  embed() {
    const { S, M, L } = this;
    const [E, W, b] = this.weights;
    for (let s = 0; s < S; s++) {
      for (let l = 0; l < L; l++) {
        let a = b[l];
        let c = 0;
        for (let m = 0; m < M; m++) {
          a += E[s * M + m] * W[m * L + l];
          c += E[s * M + m] * W[(M + m) * L + l];
        }
        this.left[s * L + l] = a;
        this.right[s * L + l] = c;
      }
    }
  }

  // Hidden units and logits of one pair; embed() was called.
  forward(a, b, hidden, logits) {
    const { S, L, left, right } = this;
    const [, , , U, c] = this.weights;
    logits.set(c);
    for (let l = 0; l < L; l++) {
      const h = Math.max(0, left[a * L + l] + right[b * L + l]);
      hidden[l] = h;
      if (h > 0) for (let s = 0; s < S; s++) logits[s] += h * U[l * S + s];
    }
  }

  // Share of pairs that are answered rightly; a tie counts as wrong, none as null.
  accuracy(pairs) {
    if (!pairs.length) return null;
    const hidden = new Float64Array(this.L);
    const logits = new Float64Array(this.S);
    let right = 0;
    this.embed();
    for (const pair of pairs) {
      const [a, b, answer] = this.pair(pair);
      this.forward(a, b, hidden, logits);
      right += logits.every((o, s) => s === answer || o < logits[answer]);
    }
    return right / pairs.length;
  }

  // Pair i of the table in the order of `TaskSettings`, with a + b mod S.
  pair(i) {
    const [a, b] = [Math.floor(i / this.S), i % this.S];
    return [a, b, (a + b) % this.S];
  }

  // One update on all pairs; returns the mean loss before it, in nats.
  update(pairs, { rate = 1e-2, decay = 1, warmup = 10 } = {}) {
    const { S, M, L } = this;
    const [E, W, , U] = this.weights;
    const [gE, gW, gb, gU, gc] = this.gradients;
    this.gradients.forEach(g => g.fill(0));
    const [gLeft, gRight] = [new Float64Array(S * L), new Float64Array(S * L)];
    const [hidden, logits, slope] = [new Float64Array(L), new Float64Array(S), new Float64Array(S)];
    let loss = 0;
    this.embed();
    for (const pair of pairs) {
      const [a, b, answer] = this.pair(pair);
      this.forward(a, b, hidden, logits);
      // log(1 + e^-s) of the log-odds s of the answer: exact where the answer is nearly sure.
      let highest = -Infinity;
      for (let s = 0; s < S; s++) if (s !== answer) highest = Math.max(highest, logits[s]);
      let others = 0;
      for (let s = 0; s < S; s++) if (s !== answer) others += Math.exp(logits[s] - highest);
      const odds = logits[answer] - highest - Math.log(others);
      loss += Math.max(0, -odds) + Math.log1p(Math.exp(-Math.abs(odds)));
      const wrong = 1 / (1 + Math.exp(odds)) / pairs.length;
      for (let s = 0; s < S; s++) slope[s] = (wrong * Math.exp(logits[s] - highest)) / others;
      slope[answer] = -wrong;
      for (let s = 0; s < S; s++) gc[s] += slope[s];
      for (let l = 0; l < L; l++) {
        const h = hidden[l];
        if (h <= 0) continue;
        let back = 0;
        for (let s = 0; s < S; s++) {
          gU[l * S + s] += h * slope[s];
          back += slope[s] * U[l * S + s];
        }
        gLeft[a * L + l] += back;
        gRight[b * L + l] += back;
        gb[l] += back;
      }
    }
    for (let s = 0; s < S; s++) {
      for (let m = 0; m < M; m++) {
        let sum = 0;
        for (let l = 0; l < L; l++) {
          gW[m * L + l] += E[s * M + m] * gLeft[s * L + l];
          gW[(M + m) * L + l] += E[s * M + m] * gRight[s * L + l];
          sum += gLeft[s * L + l] * W[m * L + l] + gRight[s * L + l] * W[(M + m) * L + l];
        }
        gE[s * M + m] += sum;
      }
    }
    this.descend(rate * Math.min(1, (this.step + 1) / warmup), decay);
    return loss / pairs.length;
  }

  // AdamW with decoupled decay (Loshchilov & Hutter 2019).
  descend(rate, decay, beta1 = 0.9, beta2 = 0.98, epsilon = 1e-8) {
    this.step += 1;
    const bias1 = 1 - beta1 ** this.step;
    const bias2 = 1 - beta2 ** this.step;
    this.weights.forEach((w, k) => {
      const [g, m, v] = [this.gradients[k], this.first[k], this.second[k]];
      for (let i = 0; i < w.length; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        w[i] -= rate * (decay * w[i] + m[i] / bias1 / (Math.sqrt(v[i] / bias2) + epsilon));
      }
    });
  }
}

// Pairs of which neither they nor their mirror images, (b, a) of (a, b), are trained on.
function novel(trained, size) {
  const known = new Set(trained);
  const found = [];
  for (let i = 0; i < size * size; i++) {
    const mirror = (i % size) * size + Math.floor(i / size);
    if (!known.has(i) && !known.has(mirror)) found.push(i);
  }
  return found;
}
