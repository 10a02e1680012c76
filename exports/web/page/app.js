/** The page: takes pictures, has them judged by the worker, and shows what it says. */

import {judge, plain} from './rule.js';
import {drawMap} from './windows.js';

const REASONS = {
  SIZE: 'It is of another size than the pictures that the network learned from.',
  FOREIGN: 'It is unlike the pictures that the network learned from.',
  LOW_CONFIDENCE: 'The score is too near the middle.',
};
const CLUTTER = new RegExp(`^(?:${document.body.dataset.clutter})$`, 'i');
const ENDING = new RegExp(`(?:${document.body.dataset.endings})$`, 'i');
const WORDS = {REAL: 'a photograph', FAKE: 'made by AI', UNSURE: 'no verdict'};
const $ = (selector, within = document) => within.querySelector(selector);

const {rule} = await (await fetch('model/preprocessing.json')).json();
const worker = new Worker('worker.js');
const results = [];  // of all pictures, in the order in which they were given
const queues = Array(4).fill(Promise.resolve());  // so few are looked at at a time: the worker has the first ones soon
let ready = false;

worker.onmessage = ({data: {id, found, error, broken, ...said}}) => {
  if (said.ready) {
    ready = true;
    tell('');
  } else if (broken) {
    tell(broken);
    document.body.classList.add('broken');
  } else {
    Object.assign(results[id], {found, error});
    show(results[id]);
    tellProgress();
  }
};
worker.onerror = () => tell('The network could not be loaded. Load the page again.');

function tell(words) {
  $('#state').textContent = words;
}

function tellProgress() {
  const waiting = results.filter(({found, error, hidden}) => !found && !error && !hidden).length;
  if (ready) tell(waiting ? `Judging: ${waiting} to go` : '');
}

/** Has files judged, each with a card of its own at the top of the list. */
function add(files) {
  for (const file of files) {
    const result = {id: results.length, file, name: file.path || file.name || 'pasted picture'};
    results.push(result);
    result.card = $('#result').content.cloneNode(true).firstElementChild;
    $('h3', result.card).textContent = result.name;
    $('#results').prepend(result.card);
    const queue = result.id % queues.length;
    queues[queue] = queues[queue].finally(() => send(result));
  }
  tellProgress();
}

/** Returns the pictures below a folder that was dropped, clutter aside, each with its `path`. */
async function below(folder) {
  const reader = folder.createReader();
  const entries = [];
  let some;
  do {  // it gives a hundred at a time
    some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    entries.push(...some);
  } while (some.length);
  const files = entries.filter(({name}) => !CLUTTER.test(name)).map(async (entry) => {
    if (entry.isDirectory) return below(entry);
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return Object.assign(file, {path: entry.fullPath.slice(1)});
  });
  const pictures = (await Promise.all(files)).flat().filter(({name}) => ENDING.test(name));
  return pictures.sort((one, other) => (one.path < other.path ? -1 : 1));
}

async function send(result) {
  const [pixels, limit] = [await pixelsOf(result.file), Number(document.body.dataset.maxPixels)];
  if (pixels <= limit) {
    worker.postMessage({id: result.id, file: result.file, pixels});
    return;
  }
  const [found, most] = [pixels, limit].map((count) => Math.round(count / 1e6));
  result.error = `It has ${found} megapixels, more than the ${most} that are judged here.`;
  show(result);
  tellProgress();
}

/** Returns how many pixels a picture claims to have, by its head alone; 0 for what is no picture. */
async function pixelsOf(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await new Promise((resolve) => {
      image.onload = image.onerror = resolve;  // the worker says what is wrong
    });
    return image.naturalWidth * image.naturalHeight;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** Returns what is said about a picture as things stand, with the names that predict gives to it. */
function verdictOf({name, found, error}) {
  if (!found) return {path: name, verdict: null, reason: null, confidence: null, p_real: null, error: error ?? null};
  const {verdict, reason, confidence} = judge(isAnyway() ? plain(rule) : rule, found);
  return {path: name, verdict, reason, confidence, p_real: found.pReal, error: null};
}

const isAnyway = () => $('#anyway')?.checked ?? false;

function show(result) {
  const {card, found, error} = result;
  const {verdict, reason} = verdictOf(result);
  card.className = error ? 'error' : verdict.toLowerCase();
  $('.verdict strong', card).textContent = error ? 'Not judged' : verdict;
  $('.reason', card).textContent = error ?? (reason ? reasonOf(result, reason) : WORDS[verdict]);
  if (error) return;
  const share = `${100 * found.pReal}%`;
  const scale = $('.scale', card);
  scale.setAttribute('role', 'img');
  scale.setAttribute('aria-label', `Score: ${found.pReal.toFixed(2)}, where 0 is made by AI and 1 a photograph`);
  $('.mark', card).style.left = share;
  const zone = $('.unsure-zone', card);
  zone.hidden = rule.fake_up_to === undefined || isAnyway();
  zone.style.left = `${100 * rule.fake_up_to}%`;
  zone.style.right = `${100 * (1 - rule.real_at_least)}%`;
  $('.facts', card).textContent = `Score ${found.pReal.toFixed(4)} · ${found.width} x ${found.height} pixels`;
  draw(result);
}

function reasonOf({found}, reason) {
  const isBySize = judge({...rule, foreign_from: undefined}, found).reason === 'FOREIGN';
  return REASONS[isBySize ? 'SIZE' : reason];
}

function draw({card, found}) {
  if (!found.shown) return;  // drawn before
  const [picture, seen] = [$('.shown', card), $('.seen canvas', card)];
  [picture.width, picture.height] = [found.shown.width, found.shown.height];
  picture.classList.toggle('tiny', Math.max(found.width, found.height) < 144);
  if (found.windows) {
    [seen.width, seen.height] = [found.shown.width, found.shown.height];
    const context = seen.getContext('2d');
    context.drawImage(found.shown, 0, 0);
    drawMap(context, found);
  }
  picture.getContext('bitmaprenderer').transferFromImageBitmap(found.shown);
  found.shown = null;
  if (found.windows) return;
  seen.width = seen.height = found.size;
  const image = new ImageData(found.size, found.size);
  const {data} = image;
  data.fill(255);
  found.pixels.forEach((value, index) => {
    data[index + Math.floor(index / 3)] = value;
  });
  seen.getContext('2d').putImageData(image, 0, 0);
}

const shown = () => results.filter(({hidden}) => !hidden).map(verdictOf);
const AS = {
  json: () => JSON.stringify(shown(), null, 2),
  csv: () => {
    const quoted = (value) => `"${String(value ?? '').replaceAll('"', '""')}"`;
    const columns = Object.keys(verdictOf({name: ''}));
    return [columns, ...shown().map(Object.values)].map((row) => row.map(quoted).join(',')).join('\r\n');
  },
};

function save(form) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([AS[form]()], {type: form === 'csv' ? 'text/csv' : 'application/json'}));
  link.download = `verdicts.${form}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

async function openCamera() {
  const [button, video] = [$('#open-camera'), $('#camera video')];
  button.disabled = true;  // of two streams one would stay on
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}});
    $('#camera').showModal();
  } catch {
    tell('No camera can be used: there is none, or this page was not allowed to.');
  } finally {
    button.disabled = false;
  }
}

function shoot() {
  const video = $('#camera video');
  if (!video.videoWidth) return;  // it shows nothing yet
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext('2d').drawImage(video, 0, 0);
  canvas.toBlob((blob) => add([new File([blob], 'camera.png', {type: blob.type})]), 'image/png');
  $('#camera').close();
}

$('#files').onchange = ({target}) => {
  add([...target.files]);
  target.value = '';  // so that the same file can be chosen again
};
document.onpaste = ({clipboardData}) => add([...clipboardData.files]);
document.ondragover = (event) => {
  event.preventDefault();
  document.body.classList.add('dragging');
};
document.ondragleave = ({relatedTarget}) => {
  if (!relatedTarget) document.body.classList.remove('dragging');
};
document.ondrop = async (event) => {
  event.preventDefault();
  document.body.classList.remove('dragging');
  const dropped = [...event.dataTransfer.items].map((item) => {  // all at once: browsers soon forget them
    const entry = item.webkitGetAsEntry();
    return entry?.isDirectory ? below(entry) : item.getAsFile();
  });
  const found = await Promise.allSettled(dropped);
  const files = found.flatMap(({value}) => value ?? []);
  add(files);
  if (found.some(({reason}) => reason)) tell('A folder cannot be read. Choose the pictures in it instead.');
  else if (!files.length) tell('There is no picture in it.');
};
$('#anyway')?.addEventListener('change', () => results.filter(({found}) => found).forEach(show));
document.querySelectorAll('[data-save]').forEach((button) => {
  button.onclick = () => save(button.dataset.save);
});
$('#copy').hidden = !navigator.clipboard;  // a page without https has none
$('#copy').onclick = async () => {
  await navigator.clipboard.writeText(AS.json());
  tell('Copied');
};
$('#clear').onclick = () => {
  for (const result of results) {
    result.hidden = true;
    result.card.remove();
  }
};
$('#open-camera').hidden = !navigator.mediaDevices?.getUserMedia;
$('#open-camera').onclick = openCamera;
$('#shoot').onclick = shoot;
$('#close-camera').onclick = () => $('#camera').close();
$('#camera').onclose = () => {
  const video = $('#camera video');
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
};
if (navigator.serviceWorker) {
  // Kept from an earlier visit, so perhaps of another network: the page that is served now takes its place, unless
  // somebody is at work here, whose verdicts would be lost.
  const replace = () => results.length > 1 || location.reload();
  if (navigator.serviceWorker.controller) navigator.serviceWorker.oncontrollerchange = replace;
  navigator.serviceWorker.register('service-worker.js');
}
const sample = await (await fetch('sample.png')).blob();
add([new File([sample], 'A sample: part of a photograph')]);
