/** The environment variables that a terminal program honours; read once, here. https://no-color.org */
export function terminalEnvironment(): Readonly<Record<string, string | undefined>> {
  return { NO_COLOR: process.env['NO_COLOR'] };
}
