type Template<Made> = (strings: TemplateStringsArray, ...values: unknown[]) => Made;

declare const htm: { bind<Made>(h: (type: unknown, props: object | null, ...children: unknown[]) => Made): Template<Made> };
export default htm;
