/**
 * Bilinear antialiased resampling, the same pixels as aireal/pixels/resampling.py, bit for bit.
 *
 * All is float32: a Float32Array rounds what is stored, and a sum or a product of two float32 that is rounded from a
 * double is the one that float32 arithmetic gives. Rows are summed up first, then columns, in ascending order.
 */

/** A picture on its way to size x size pixels, line by line: it is never whole in memory. */
export class Reduction {
  /**
   * @param {number} width of the picture in pixels
   * @param {number} height of the picture in pixels
   * @param {number} size edge of the result in pixels
   */
  constructor(width, height, size) {
    this.width = width;
    this.size = size;
    this.rows = weightsOf(height, size);
    this.columns = weightsOf(width, size);
    this.sums = Array.from({length: size}, () => new Float32Array(width * 3));
    this.next = 0;
  }

  /** Takes the next line: width RGBA pixels, opaque, of which the first value is at `start` of `values`. */
  add(values, start) {
    const {firsts, weights} = this.rows;
    const line = this.next++;
    for (let output = 0; output < this.size; output++) {
      const tap = line - firsts[output];
      const weight = tap >= 0 && tap < weights[output].length ? weights[output][tap] : 0;
      if (weight !== 0) accumulate(this.sums[output], values, start, weight, this.width);
    }
  }

  /** Returns size x size RGB pixels: Uint8Array. */
  result() {
    const {size, sums, columns: {firsts, weights}} = this;
    const pixels = new Uint8ClampedArray(size * size * 3);  // which rounds half to even
    for (let row = 0, to = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        for (let channel = 0; channel < 3; channel++) {
          pixels[to++] = summed(sums[row], firsts[column] * 3 + channel, weights[column]);
        }
      }
    }
    return new Uint8Array(pixels.buffer);
  }
}

function summed(values, from, weights) {
  let sum = 0;
  for (let tap = 0; tap < weights.length; tap++, from += 3) {
    sum = Math.fround(sum + Math.fround(weights[tap] * values[from]));
  }
  return sum;
}

function accumulate(sums, values, start, weight, width) {
  for (let column = 0, to = 0, from = start; column < width; column++, to += 3, from += 4) {
    sums[to] += Math.fround(weight * values[from]);
    sums[to + 1] += Math.fround(weight * values[from + 1]);
    sums[to + 2] += Math.fround(weight * values[from + 2]);
  }
}

/** Returns which of `count` inputs each of `size` outputs is made of: the first one, and the weights from there on. */
function weightsOf(count, size) {
  const f = Math.fround;
  const scale = f(1 / f(size / count));
  const radius = Math.max(scale, 1);
  const inverse = f(1 / radius);
  const firsts = [];
  const weights = [];
  for (let output = 0; output < size; output++) {
    const center = f((output + 0.5) * scale);
    const first = Math.max(Math.ceil(f(f(center - radius) - 0.5)), 0);
    const last = Math.min(Math.floor(f(f(center + radius) - 0.5)), count - 1);
    const own = new Float32Array(last - first + 1);
    let sum = 0;
    for (let tap = 0; tap < own.length; tap++) {
      const distance = f(Math.abs(f(first + tap + 0.5 - center)) * inverse);
      own[tap] = Math.max(f(1 - distance), 0);
      sum = f(sum + own[tap]);
    }
    const share = f(1 / sum);
    firsts.push(first);
    weights.push(own.map((weight) => weight * share));
  }
  return {firsts, weights};
}
