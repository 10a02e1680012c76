/** A picture file -> the pixels that the network sees, as preprocessing.json says, by the browser's own decoders. */

import {Reduction} from './resampling.js';
import {isFilledUp, upright} from './webp.js';
import {mirrored, places} from './windows.js';

const LINES_AT_ONCE = 256;
const READABLE = 'JPEG, PNG, GIF, WebP, AVIF and BMP';
const FORMATS = [  // a pattern of a file's first bytes, each as one character
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG\r\n\x1a\n/],
  ['GIF', /^GIF8[79]a/],
  ['WebP', /^RIFF[^]{4}WEBP/],
  ['AVIF', /^[^]{4}ftyp(avif|avis)/],
  ['BMP', /^BM/],
];

/** Returns the format of a file, whatever its name says. Throws Error, in words for whoever gave it, for any other. */
async function formatOf(file) {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  if (!head) throw new Error('The file is empty.');
  const found = FORMATS.find(([, pattern]) => pattern.test(head));
  if (!found) throw new Error(`This is no picture that can be read here. These can: ${READABLE}.`);
  return found[0];
}

/** Returns a decoded picture, upright, its colours as they are in the file; whoever gets it closes it. */
export async function decode(file) {
  const webp = await formatOf(file) === 'WebP' && new DataView(await file.arrayBuffer());
  const imageOrientation = webp ? 'none' : 'from-image';
  try {
    if (webp && isFilledUp(webp)) throw new RangeError('its end is missing');
    const picture = await createImageBitmap(
      file, {imageOrientation, colorSpaceConversion: 'none', premultiplyAlpha: 'none'});
    return webp ? upright(picture, webp) : picture;
  } catch {
    throw new Error('The picture is damaged, or of a kind that this browser cannot read.');
  }
}

/**
 * Returns the pixels that the network sees: size x size, RGB, Uint8Array.
 *
 * @param {ImageBitmap} picture
 * @param {number} size
 * @param {string} aspectRatio stretch, or center_crop: the largest square in the middle
 */
export function reduce(picture, size, aspectRatio) {
  let {width, height} = picture;
  let [left, top] = [0, 0];
  if (aspectRatio === 'center_crop') {
    const edge = Math.min(width, height);
    [left, top] = [Math.floor((width - edge) / 2), Math.floor((height - edge) / 2)];
    [width, height] = [edge, edge];
  }
  const reduction = new Reduction(width, height, size);
  const context = canvas(width, Math.min(height, LINES_AT_ONCE));
  for (let first = 0; first < height; first += LINES_AT_ONCE) {
    const lines = Math.min(LINES_AT_ONCE, height - first);
    context.fillRect(0, 0, width, lines);
    context.drawImage(picture, left, top + first, width, lines, 0, 0, width, lines);
    const {data} = context.getImageData(0, 0, width, lines);
    for (let line = 0; line < lines; line++) reduction.add(data, line * width * 4);
  }
  return reduction.result();
}

/**
 * Returns what the network sees of a picture that it reads by windows: an array of {top, left, pixels}, the pixels
 * size x size, RGB, Uint8Array.
 *
 * @param {ImageBitmap} picture
 * @param {number} size
 * @param {number} count
 */
export function cut(picture, size, count) {
  const [width, height] = [Math.min(picture.width, size), Math.min(picture.height, size)];
  const context = canvas(size, size);
  return places(picture.height, picture.width, size, count).map(({top, left}) => {
    context.fillRect(0, 0, size, size);
    context.drawImage(picture, left, top, width, height, 0, 0, width, height);
    const {data} = context.getImageData(0, 0, width, height);
    const pixels = new Uint8Array(size * size * 3);
    for (let row = 0, to = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const from = 4 * (mirrored(row, height) * width + mirrored(column, width));
        for (let channel = 0; channel < 3; channel++) pixels[to++] = data[from + channel];
      }
    }
    return {top, left, pixels};
  });
}

/** Returns a picture at most `edge` pixels large, to be shown. */
export function thumbnail(picture, edge) {
  const share = Math.min(1, edge / Math.max(picture.width, picture.height));
  const [resizeWidth, resizeHeight] = [picture.width, picture.height].map((one) => Math.max(1, Math.round(one * share)));
  return createImageBitmap(picture, {resizeWidth, resizeHeight, resizeQuality: 'medium'});
}

/** Returns whether a canvas gives back the pixels that it was given: hardened browsers add noise, which looks made. */
export async function canvasIsHonest() {
  const given = new ImageData(64, 64);
  given.data.forEach((_, index) => {
    given.data[index] = index % 4 === 3 ? 255 : (index * 2654435761) >>> 24;
  });
  const context = canvas(64, 64);
  context.drawImage(await createImageBitmap(given), 0, 0);
  const found = context.getImageData(0, 0, 64, 64).data;
  return given.data.every((value, index) => value === found[index]);
}

let last;  // kept, because a canvas takes longer to make than a small picture to be judged

function canvas(width, height) {
  if (last?.canvas.width !== width || last.canvas.height !== height) {
    last = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
    last.fillStyle = 'white';
  }
  return last;
}
