/** Which way up a WebP is: its EXIF says it, and predict obeys, but browsers look for it in other formats alone. */

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

/** Returns a decoded WebP upright, over white where it is turned; `picture` itself where it is upright. */
export async function upright(picture, file) {
  const orientation = read(new DataView(await file.arrayBuffer()));
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
    for (let place = 12; place + 8 <= file.byteLength;) {
      const size = file.getUint32(place + 4, true);
      if (file.getUint32(place) === EXIF_CHUNK) return inExif(new DataView(file.buffer, place + 8, size));
      place += 8 + size + (size % 2);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
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
