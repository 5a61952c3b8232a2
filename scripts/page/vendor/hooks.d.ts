type Effect = () => void | (() => void);

export function useEffect(effect: Effect, inputs?: readonly unknown[]): void;
export function useLayoutEffect(effect: Effect, inputs?: readonly unknown[]): void;
export function useRef<Value = any>(initial?: Value): { current: Value };
export function useState(unknown: null): [any, (next: any) => void];
export function useState(none: never[]): [any[], (next: any[]) => void];
export function useState<Value>(initial: Value | (() => Value)): [Value, (next: Value | ((before: Value) => Value)) => void];
