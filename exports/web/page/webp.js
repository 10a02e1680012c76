/**
 * What predict sees to in a WebP, and browsers in other formats alone: that it was written to its end, and that it is
 * turned as its EXIF says.
 */

const FRAME_CHUNK = 0x414e4d46;  // of an animation, with chunks of its own
const LOSSY_CHUNK = 0x56503820;
const EXIF_CHUNK = 0x45584946;
const EXIF_HEAD = 0x45786966;  // before the TIFF, where some programs put it as JPEG has it
const LITTLE_ENDIAN = 0x4949;
const ORIENTATION = 0x0112;
const TRANSFORMS = {  // of a picture w x h, as a canvas takes them
  2: (w, h) => [-1, 0, 0, 1, w, 0],
  3: (w, h) => [-1, 0, 0, -1, w, h],
  4: (w, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (w, h) => [0, 1, -1, 0, h, 0],
  7: (w, h) => [0, -1, -1, 0, h, w],
  8: (w) => [0, -1, 1, 0, 0, w],
};

/**
 * Returns whether the end of a lossy picture is missing, and filled up with zeros or ones, as downloads that broke off
 * leave it. Decoders draw something for the filling. The same as builders.cifake.ends.
 *
 * @param {DataView} file
 */
export function isFilledUp(file) {
  for (const [kind, frame] of chunks(file)) {
    if (kind !== LOSSY_CHUNK) continue;
    const [width, height] = [6, 8].map((place) => frame.getUint16(place, true) & 0x3fff);
    const length = Math.max(64, Math.floor(width * height / 256));  // an even block of 16x16 takes less than a byte
    const end = new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength).slice(-length);
    return end.length === length && [0, 255].some((filling) => end.every((byte) => byte === filling));
  }
  return false;
}

/**
 * Returns a decoded WebP upright, over white where it is turned; `picture` itself where it is upright.
 *
 * @param {ImageBitmap} picture
 * @param {DataView} file
 */
export function upright(picture, file) {
  const orientation = read(file);
  const transform = TRANSFORMS[orientation];
  if (!transform) return picture;
  const {width, height} = picture;
  const context = new OffscreenCanvas(...(orientation > 4 ? [height, width] : [width, height])).getContext('2d');
  context.setTransform(...transform(width, height));
  context.fillStyle = 'white';
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0);
  picture.close();
  return context.canvas.transferToImageBitmap();
}

/** Returns the orientation, 1 to 8; 1 where the EXIF is damaged. */
function read(file) {
  try {
    for (const [kind, data] of chunks(file)) if (kind === EXIF_CHUNK) return inExif(data);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

/** Yields the kind and the content of each chunk, of one that is cut what is there. */
function* chunks(file) {
  for (let place = 12; place + 8 <= file.byteLength;) {
    const [kind, size] = [file.getUint32(place), file.getUint32(place + 4, true)];
    yield [kind, new DataView(file.buffer, place + 8, Math.min(size, file.byteLength - place - 8))];
    place += kind === FRAME_CHUNK ? 24 : 8 + size + (size % 2);
  }
}

function inExif(exif) {
  const start = exif.getUint32(0) === EXIF_HEAD ? 6 : 0;
  const little = exif.getUint16(start) === LITTLE_ENDIAN;
  const directory = start + exif.getUint32(start + 4, little);
  const count = exif.getUint16(directory, little);
  for (let entry = directory + 2; entry < directory + 2 + 12 * count; entry += 12) {
    if (exif.getUint16(entry, little) === ORIENTATION) return exif.getUint16(entry + 8, little);
  }
  return 1;
}
