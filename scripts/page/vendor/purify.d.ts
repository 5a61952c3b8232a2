declare const DOMPurify: {
  addHook(name: "afterSanitizeAttributes", hook: (element: Element) => void): void;
  sanitize(markup: string, allowed: { RETURN_DOM_FRAGMENT: boolean }): DocumentFragment;
};
export default DOMPurify;
