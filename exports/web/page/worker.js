/**
 * Judges pictures away from the page, so that it never freezes.
 *
 * A classic worker, because LiteRT loads its wasm by importScripts; modules come by import().
 * In: {id, file, pixels}. Out: {ready: true} or {broken: words} once, then for each {id, found} or {id, error: words}.
 */

const LITERT = 'litert/';
const UNREADABLE = ['NotReadableError', 'NotFoundError'];
const SMALL = 1e6;  // pixels of a picture
self.Module = {locateFile: (name) => LITERT + name};  // of its wasm, which it would look for beside this file
const modules = Promise.all([import('./pictures.js'), import(`./${LITERT}core.js`), import('./windows.js')]);
const network = load();
network.then(() => postMessage({ready: true}), (error) => postMessage({broken: error.message}));

async function load() {
  const [{canvasIsHonest}, {loadLiteRt, loadAndCompile}] = await modules;
  if (!await canvasIsHonest()) {
    throw new Error('This browser adds noise to the pixels of pictures, against being recognised. A detector takes ' +
      'such noise for the traces of a generator, so it does not answer here. Use another browser, or switch that ' +
      'protection off for this page.');
  }
  const [preprocessing, labels] = await Promise.all([
    fetch('model/preprocessing.json').then((answer) => answer.json()),
    fetch('model/labels.txt').then((answer) => answer.text()),
    loadLiteRt(`${LITERT}litert_wasm_compat_internal.js`),
  ]);
  const model = await loadAndCompile('model/model.tflite', {accelerator: 'wasm'});
  const {image_size: size, aspect_ratio: aspectRatio, windows: count = 0} = preprocessing;
  return {model, labels: labels.trim().split('\n'), size, aspectRatio, count};
}

let [before, last] = [Promise.resolve(), Promise.resolve()];  // the pictures of the two latest messages, judged
onmessage = ({data: {id, file, pixels}}) => {
  // One at a time, so that memory holds one decoded picture; a small one is decoded while the one before is judged.
  const decoded = (pixels <= SMALL ? before : last).then(async () => {
    await network;  // else pictures were decoded for nothing
    return (await modules)[0].decode(file);
  });
  [before, last] = [last, Promise.allSettled([last, decoded]).then(() => answer(id, decoded))];
};

async function answer(id, decoded) {
  try {
    const [found, transferred] = await judge(await decoded);
    postMessage({id, found}, transferred);
  } catch (error) {
    postMessage({id, error: UNREADABLE.includes(error.name) ? 'The file cannot be read. Was it moved?' : error.message});
  }
}

async function judge(picture) {
  const [{cut, reduce, thumbnail}, , {pooled}] = await modules;
  const {labels, size, aspectRatio, count} = await network;
  try {
    const {width, height} = picture;
    const found = {width, height, size, shown: await thumbnail(picture, 480)};
    if (count) {
      found.windows = [];
      for (const {top, left, pixels} of cut(picture, size, count)) {
        const scores = await scoresOf(pixels);
        found.windows.push({top, left, pReal: scores[labels.indexOf('REAL')]});
      }
      found.pReal = pooled(found.windows.map(({pReal}) => pReal));
      return [found, [found.shown]];
    }
    found.pixels = reduce(picture, size, aspectRatio);
    const scores = await scoresOf(found.pixels);
    found.pReal = scores[labels.indexOf('REAL')];
    found.unsure = Math.max(...scores) === scores[labels.indexOf('UNSURE')];
    return [found, [found.pixels.buffer, found.shown]];
  } finally {
    picture.close();
  }
}

/** Returns what the network says of size x size RGB pixels: a score for each label. */
async function scoresOf(pixels) {
  const [, {Tensor}] = await modules;
  const {model, size} = await network;
  const input = new Tensor(pixels, [1, size, size, 3]);
  const [output] = await model.run([input]);
  const scores = Array.from(await output.data());
  input.delete();
  output.delete();
  return scores;
}
