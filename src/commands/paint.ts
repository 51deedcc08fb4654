/** Colours of a terminal. https://no-color.org */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly doubtful: (text: string) => string;
}

export function painter(hasColour: boolean): Paint {
  const wrap = (code: number) => (text: string) => (hasColour ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bold: wrap(1), good: wrap(32), bad: wrap(31), doubtful: wrap(33) };
}
