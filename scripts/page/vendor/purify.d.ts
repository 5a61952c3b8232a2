declare const DOMPurify: {
  addHook(name: "afterSanitizeAttributes", hook: (element: Element) => void): void;
  setConfig(allowed: { RETURN_DOM_FRAGMENT: true; [rule: string]: unknown }): void;
  sanitize(markup: string): DocumentFragment;
};
export default DOMPurify;
