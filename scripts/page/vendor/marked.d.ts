export interface Token {
  type: string;
  raw: string;
}
export type Tokens = Token[] & { links: object };

export class Marked {
  constructor(options: object);
  parse(text: string): string;
  lexer(text: string): Tokens;
  parser(tokens: Token[]): string;
}
