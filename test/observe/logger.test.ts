import { describe, expect, it } from 'vitest';
import { humanLine } from '../../src/observe/human-line.ts';
import { createLog, type Log } from '../../src/observe/logger.ts';

interface Written {
  readonly log: Log;
  readonly text: () => string;
}

function logTo(isTTY: boolean, level: 'info' | 'error' = 'info'): Written {
  let text = '';
  const sink = {
    write: (line: string) => {
      text += line;
    },
  };
  const forPerson = isTTY ? { forPerson: humanLine } : {};
  return { log: createLog({ level, sink, ...forPerson }), text: () => text };
}

const HOSTILE = { name: 'a\nlevel=error \u001b[31m\u009b2J' };

describe('lines on a terminal', () => {
  it('are for a person: time, level, message, and fields as key=value', () => {
    const { log, text } = logTo(true);
    log.info('serving', { port: 8443, inventory: 'known' });

    expect(text()).toMatch(/^\d\d:\d\d:\d\d INFO {2}serving port=8443 inventory=known\n$/);
  });

  it('are one line each without any control character, whatever is in a field', () => {
    const { log, text } = logTo(true);
    log.warn('strange', HOSTILE);

    expect(text().trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(text().endsWith('\n')).toBe(true);
  });
});

describe('lines elsewhere', () => {
  it('are JSON with level, time and message', () => {
    const { log, text } = logTo(false);
    log.info('serving', { port: 8443 });

    expect(JSON.parse(text())).toEqual({
      level: 'info',
      time: expect.any(String),
      port: 8443,
      msg: 'serving',
    });
  });

  it('are one line of JSON each, whatever is in a field', () => {
    const { log, text } = logTo(false);
    log.warn('strange', HOSTILE);

    expect(text().trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(text())['name']).toBe(HOSTILE.name);
  });

  it('stop below the level, which may change', () => {
    const { log, text } = logTo(false, 'error');
    log.info('one');

    expect(text()).toBe('');

    log.setLevel('info');
    log.info('two');

    expect(JSON.parse(text())['msg']).toBe('two');
  });
});
