// Images that go with the next question: they are uploaded as soon as they are chosen.

import { sentenceOf, upload } from "./api.js";
import { toast } from "./notices.js";
import { IconButton, html, signal } from "./view.js";

const TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const MOST = 10;
export const ACCEPTED = TYPES.join(",");

/** `{key, name, address, progress, id}`: signals are `progress` from 0 to 1, and `id`, null until it was uploaded. */
export const images = signal([]);
export const areUploading = () => images.value.some((image) => !image.id.value);

/** @param {Iterable<File>} files  @returns {boolean} whether there was one among them */
export function addImages(files) {
  const all = [...files].filter((file) => file.type.startsWith("image/"));
  const taken = all.filter((file) => TYPES.includes(file.type)).slice(0, MOST - images.value.length);
  if (taken.length < all.length) toast(`PNG, JPEG, WebP and GIF can be shown, ${MOST} at most.`);
  taken.forEach(add);
  return all.length > 0;
}

async function add(file) {
  const image = { key: Symbol(), name: file.name || "Image", address: URL.createObjectURL(file), progress: signal(0), id: signal(null) };
  images.value = [...images.value, image];
  try {
    image.id.value = (await upload("v1/files", file, (part) => (image.progress.value = part))).id;
  } catch (error) {
    drop(image);
    toast(`${image.name}: ${sentenceOf(error)}`);
  }
}

function drop(image) {
  URL.revokeObjectURL(image.address);
  images.value = images.value.filter((each) => each !== image);
}

/** Take what was uploaded, for a question; `giveBack` puts it where it was. */
export function takeImages() {
  const taken = images.value;
  images.value = [];
  return { ids: taken.map((image) => image.id.value), giveBack: () => (images.value = [...taken, ...images.value]) };
}

const Waiting = ({ image }) => html`<figure><img src=${image.address} alt=${image.name} />
  ${!image.id.value && html`<progress max="1" value=${image.progress.value} aria-label=${`Uploading ${image.name}`}></progress>`}
  <${IconButton} icon="x" label=${`Remove ${image.name}`} onClick=${() => drop(image)} /></figure>`;

export const WaitingImages = () =>
  images.value.length > 0 && html`<div class="waiting">${images.value.map((image) => html`<${Waiting} key=${image.key} image=${image} />`)}</div>`;
