// The forward pass of glassformer.nn.encoder.Encoder, for one text at a time, with its attention maps.
import { dot, softmax } from "./numbers.js";

/** The tensors of a safetensors file: a length, that many bytes of JSON, then the numbers. */
export const readTensors = (buffer) => {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new TypeError(`expected float32 as ${name}, got ${dtype}`);
    tensors.set(name, { shape, numbers: new Float32Array(buffer.slice(8 + length + from, 8 + length + to)) });
  }
  return tensors;
};

const add = (a, b) => a.map((value, i) => value + b[i]);

/** Without cancellation: all terms of this series have the same sign. */
const erf = (x) => {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17; n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};
const gelu = (x) => (x / 2) * (1 + erf(x / Math.SQRT2));

/** From tensors to a function of ids that gives `logits[t][word]` and `maps[layer][head][t][s]`. */
export const makeEncoder = (tensors, heads) => {
  const vector = (name) => Array.from(tensors.get(name).numbers);
  const rows = (name) => {
    const { shape: [count, width] } = tensors.get(name);
    const numbers = vector(name);
    return Array.from({ length: count }, (_, i) => numbers.slice(i * width, (i + 1) * width));
  };
  const linear = (name) => {
    const [weight, bias] = [rows(`${name}.weight`), vector(`${name}.bias`)];
    return (x) => weight.map((row, i) => dot(row, x) + bias[i]);
  };
  const layerNorm = (name) => {
    const [weight, bias] = [vector(`${name}.weight`), vector(`${name}.bias`)];
    return (x) => {
      const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
      const centred = x.map((value) => value - mean);
      const deviation = Math.sqrt(dot(centred, centred) / x.length + 1e-5);
      return centred.map((value, i) => (value / deviation) * weight[i] + bias[i]);
    };
  };
  const attention = (name) => {
    const [query, key, value, output] = ["query", "key", "value", "output"].map((part) => linear(`${name}.${part}`));
    return (x) => {
      const K = x[0].length / heads;
      const split = (project) => {
        const whole = x.map(project);
        return (head) => whole.map((row) => row.slice(head * K, (head + 1) * K));
      };
      const [queries, keys, values] = [query, key, value].map(split);
      const maps = Array.from({ length: heads }, (_, head) => {
        const k = keys(head);
        return queries(head).map((q) => softmax(k.map((other) => dot(q, other) / Math.sqrt(K))));
      });
      const mixed = maps.map((map, head) => {
        const v = values(head);
        return map.map((weights) => v[0].map((_, i) => weights.reduce((sum, w, s) => sum + w * v[s][i], 0)));
      });
      return { maps, added: x.map((_, t) => output(mixed.flatMap((head) => head[t]))) };
    };
  };
  const block = (name) => {
    const [before, look] = [layerNorm(`${name}.attention_norm`), attention(`${name}.attention`)];
    const [between, up, down] = ["feed_forward_norm", "feed_forward.up", "feed_forward.down"].map((part, i) =>
      (i ? linear : layerNorm)(`${name}.${part}`));
    return (x) => {
      const { maps, added } = look(x.map(before));
      const seen = x.map((row, t) => add(row, added[t]));
      return { maps, x: seen.map((row) => add(row, down(up(between(row)).map(gelu)))) };
    };
  };

  const [embedding, position] = [rows("embedding.weight"), rows("position.weight")];
  const layers = new Set([...tensors.keys()].map((name) => name.match(/^blocks\.\d+/)?.[0]).filter(Boolean)).size;
  const blocks = Array.from({ length: layers }, (_, i) => block(`blocks.${i}`));
  const [norm, unembedding] = [layerNorm("norm"), linear("unembedding")];
  return (ids) => {
    const bad = ids.find((id) => !embedding[id]);
    if (bad !== undefined) throw new RangeError(`expected ids below ${embedding.length}, got ${bad}`);
    if (!ids.length || ids.length > position.length)
      throw new RangeError(`expected 1 to ${position.length} ids, got ${ids.length}`);
    let x = ids.map((id, t) => add(embedding[id], position[t]));
    const maps = blocks.map((next) => {
      const result = next(x);
      x = result.x;
      return result.maps;
    });
    return { logits: x.map((row) => unembedding(norm(row))), maps };
  };
};
