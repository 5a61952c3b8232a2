export interface Signal<Value> {
  value: Value;
  peek(): Value;
  subscribe(hear: (value: Value) => void): () => void;
}
export type Computed<Value> = Readonly<Signal<Value>>;

export function signal(unknown: null): Signal<any>;
export function signal(none: never[]): Signal<any[]>;
export function signal<Value>(initial?: Value): Signal<Value>;
export function computed<Value>(make: () => Value): Computed<Value>;
export function effect(run: () => void | (() => void)): () => void;
export function batch<Value>(run: () => Value): Value;
