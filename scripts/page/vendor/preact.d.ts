export function h(type: unknown, props: object | null, ...children: unknown[]): object;
export function render(content: unknown, parent: Element): void;
