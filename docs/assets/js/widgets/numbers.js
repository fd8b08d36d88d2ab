// The numerics that widgets share, checked against glassformer to 1e-5.

/** As glassformer.softmax: -Infinity forbids a score, and a row of nothing else gives zeros. */
export const softmax = (scores, temperature = 1) => {
  if (!(temperature > 0))
    throw new RangeError(`expected a temperature above 0, got ${temperature}`);
  const largest = Math.max(...scores);
  if (!(largest < Infinity)) throw new RangeError(`expected finite scores, got ${largest}`);
  if (largest === -Infinity) return scores.map(() => 0);
  const powers = scores.map((score) => Math.exp((score - largest) / temperature));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
};

/** The sum of the products of two vectors, number by number. */
export const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** How open a choice is, in nats; what has no probability adds nothing. */
export const entropy = (probabilities) =>
  probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
