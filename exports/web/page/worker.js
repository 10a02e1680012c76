/**
 * Judges pictures away from the page, so that it never freezes.
 *
 * A classic worker, because LiteRT loads its wasm by importScripts; modules come by import().
 * In: {id, file}. Out: {ready: true} or {broken: words} once, then for each {id, found} or {id, error: words}.
 */

const LITERT = 'litert/';
self.Module = {locateFile: (name) => LITERT + name};  // of its wasm, which it would look for beside this file
const modules = Promise.all([import('./pictures.js'), import(`./${LITERT}core.js`)]);
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
  return {model, labels: labels.trim().split('\n'), size: preprocessing.image_size, aspectRatio: preprocessing.aspect_ratio};
}

let previous = Promise.resolve();
onmessage = ({data}) => {
  previous = previous.then(() => answer(data));  // one at a time: memory holds one decoded picture
};

async function answer({id, file}) {
  try {
    const [found, transferred] = await judge(file);
    postMessage({id, found}, transferred);
  } catch (error) {
    postMessage({id, error: error.name === 'NotReadableError' ? 'The file cannot be read. Was it moved?' : error.message});
  }
}

async function judge(file) {
  const [{decode, reduce, thumbnail}, {Tensor}] = await modules;
  const {model, labels, size, aspectRatio} = await network;
  const picture = await decode(file);
  try {
    const {width, height} = picture;
    const pixels = reduce(picture, size, aspectRatio);
    const input = new Tensor(pixels, [1, size, size, 3]);
    const [output] = await model.run([input]);
    const scores = Array.from(await output.data());
    input.delete();
    output.delete();
    const unsure = Math.max(...scores) === scores[labels.indexOf('UNSURE')];
    const shown = await thumbnail(picture, 480);
    return [{pReal: scores[labels.indexOf('REAL')], unsure, width, height, pixels, size, shown}, [pixels.buffer, shown]];
  } finally {
    picture.close();
  }
}
