import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { type Process, startProcess } from './process.ts';
import { bodyOf, callWithoutPause, page, until } from './serving.ts';

/** How the built process ends. */

const processes: Process[] = [];

async function start(server: string): Promise<Process> {
  const one = await startProcess(server);
  processes.push(one);
  return one;
}

afterEach(() => {
  for (const one of processes.splice(0)) one.remove();
});

function untilUnready({ metricsPort }: Process): Promise<string> {
  const unready = async (): Promise<string | null> => {
    const { status, text } = await page(metricsPort, '/readyz');
    return status === 503 ? text.trim() : null;
  };
  return until(unready, 'readiness to go');
}

function decisions({ log }: Process): number {
  return log().filter((line) => line['msg'] === 'decision').length;
}

describe('SIGTERM', () => {
  it('under load fails no call through connections that are kept: each is closed with its answer', async () => {
    const [leaving, staying] = [
      await start('drainSeconds: 3, stopSeconds: 3'),
      await start('drainSeconds: 0'),
    ];
    let target = leaving;
    // A Service: a connection goes where its endpoints point when it is opened, and stays there.
    const isVerdict = (text: string): boolean => JSON.parse(text).response.allowed;
    const load = callWithoutPause(() => target, bodyOf('scout-fits'), isVerdict);
    await until(() => (load.answered() >= 40 ? true : null), 'calls');
    leaving.child.kill('SIGTERM');

    expect(await untilUnready(leaving)).toBe('draining');
    expect(await page(leaving.metricsPort, '/healthz')).toMatchObject({ status: 200 });

    // Endpoints follow readiness with a delay; until then new connections still arrive at the one that leaves.
    const before = load.answered();
    await until(() => (load.answered() > before + 10 ? true : null), 'calls while draining');
    target = staying;
    const code = await leaving.ended;
    const later = load.answered();
    await until(() => (load.answered() > later + 10 ? true : null), 'calls after the end');
    const { outcomes, wrong } = await load.end();

    expect(code).toBe(0);
    expect([...outcomes.keys()]).toEqual(['200']);
    expect(wrong).toEqual([]);
    expect(leaving.log().at(-1)).toMatchObject({ msg: 'stopped' });

    await until(
      () => (decisions(leaving) + decisions(staying) === load.answered() ? true : null),
      'a record of every call',
    );
  }, 120_000);

  it('is not held up by a connection that never sends a request', async () => {
    const one = await start('drainSeconds: 0, stopSeconds: 1');
    const socket = connect({ host: '127.0.0.1', port: one.port, ca: one.ca, servername: 'localhost' });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.on('error', () => undefined);
    one.child.kill('SIGTERM');

    expect(await one.ended).toBe(0);

    socket.destroy();
  });

  it('a second time ends it at once', async () => {
    const one = await start('drainSeconds: 60');
    one.child.kill('SIGTERM');
    await untilUnready(one);
    one.child.kill('SIGTERM');

    expect(await one.ended).toBe('SIGTERM');
  });
});
