// What is narrower on the page than in any document: it looks for HTML elements alone, its forms have
// no files and all fields that they are asked for, and a response that is read has a body.

type Tags = HTMLElementTagNameMap;

interface Element {
  closest<Tag extends keyof Tags>(selectors: Tag): Tags[Tag] | null;
  closest<Found extends Element = HTMLElement>(selectors: string): Found | null;
}

interface ParentNode {
  querySelector<Tag extends keyof Tags>(selectors: Tag): Tags[Tag] | null;
  querySelector<Found extends Element = HTMLElement>(selectors: string): Found | null;
}

interface Document {
  readonly activeElement: HTMLElement | null;
  getElementById(id: "app"): HTMLElement;
  addEventListener(type: "click", hear: (event: MouseEvent & { target: HTMLElement }) => void): void;
}

interface Response {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

interface FormData {
  get(name: string): string;
  [Symbol.iterator](): FormDataIterator<[string, string]>;
}
