/** Where windows are cut, and the score of the picture that they are of: what aireal/pixels/windows.py says. */

const PLASTIC = 1.32471795724474602596;
const LEAST = 2 ** -24;  // forms.LEAST

/** Returns the upper left corners of windows: {top, left} each. */
export function places(height, width, size, count) {
  const [rows, columns] = [height, width].map((edge) => Math.max(edge, size) - size + 1);
  return Array.from({length: count}, (_, index) => ({
    top: Math.floor(((0.5 + index / PLASTIC ** 2) % 1) * rows),
    left: Math.floor(((0.5 + index / PLASTIC) % 1) * columns),
  }));
}

/** Returns which of `count` lines stands at a place beyond them, where they are extended by reflection. */
export function mirrored(place, count) {
  const last = count - 1;
  const beyond = place % Math.max(2 * last, 1);
  return Math.min(beyond, Math.abs(2 * last - beyond));
}

/** Returns a picture's score: the mean of its windows' logits, as a score again. */
export function pooled(scores) {
  const logits = scores.map((score) => Math.min(Math.max(score, LEAST), 1 - LEAST)).map((p) => Math.log(p / (1 - p)));
  return Math.fround(1 / (1 + Math.exp(-logits.reduce((sum, logit) => sum + logit, 0) / logits.length)));
}

/** Draws over a picture what each of its windows says: red where it speaks for AI, blue where for a photograph. */
export function drawMap(context, {windows, size, width}) {
  const shown = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  const scale = shown.width / width;
  const [sums, counts] = [new Float32Array(shown.width * shown.height), new Uint16Array(shown.width * shown.height)];
  for (const {top, left, pReal} of windows) {
    const [firstRow, firstColumn] = [top, left].map((edge) => Math.round(edge * scale));
    const lastRow = Math.min(Math.round((top + size) * scale), shown.height);
    const lastColumn = Math.min(Math.round((left + size) * scale), shown.width);
    for (let row = firstRow; row < lastRow; row++) {
      for (let at = row * shown.width + firstColumn; at < row * shown.width + lastColumn; at++) {
        sums[at] += pReal;
        counts[at]++;
      }
    }
  }
  const [red, blue] = [[179, 38, 30], [37, 83, 184]];
  counts.forEach((count, at) => {
    if (!count) return;
    const pReal = sums[at] / count;
    const share = 0.7 * Math.abs(2 * pReal - 1);
    (pReal < 0.5 ? red : blue).forEach((level, channel) => {
      shown.data[4 * at + channel] += share * (level - shown.data[4 * at + channel]);
    });
  });
  context.putImageData(shown, 0, 0);
}
