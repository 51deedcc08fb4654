import type { IncomingMessage } from 'node:http';
import { ApiUnreachable, messageOf } from './errors.ts';

/** Lines of a stream as they come, whatever the chunks. A line that never ends, or a stream that breaks, throws. */
export async function* readLines(response: IncomingMessage, maxLine: number): AsyncGenerator<string> {
  let rest = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > maxLine) throw new ApiUnreachable('the watch sent a line without end');
      for (const line of lines) if (line !== '') yield line;
    }
  } catch (error) {
    if (error instanceof ApiUnreachable) throw error;
    throw new ApiUnreachable(`the watch broke off: ${messageOf(error)}`);
  }
  if (rest !== '') throw new ApiUnreachable('the watch ended within a line');
}
