import { createServer, connect as dial, type Socket } from 'node:net';
import { listen } from './listen.ts';

/**
 * A Service of two Pods, as kube-proxy makes one: connections go round, and to nobody who does not answer. It lives as
 * long as this process.
 */
export interface Balancer {
  readonly port: number;
  /** Ports of 127.0.0.1 that get new connections; the open ones stay where they are. */
  readonly use: (ports: readonly number[]) => void;
  /** Ends the open connections, and no new one gets anywhere. */
  readonly cut: () => void;
}

const DIAL_LIMIT_MS = 2_000;

function tryDial(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = dial({ host: '127.0.0.1', port, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('too slow')), DIAL_LIMIT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
}

function join(one: Socket, other: Socket): void {
  const pairs = [
    [one, other],
    [other, one],
  ] as const;
  for (const [from, to] of pairs) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}

export async function startBalancer(wantedPort = 0): Promise<Balancer> {
  let backends: readonly number[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, pauseOnConnect: true }, async (incoming) => {
    open.add(incoming);
    incoming.on('close', () => open.delete(incoming));
    incoming.on('error', () => {});
    turn += 1;
    const order = backends.map((_, index) => backends[(index + turn) % backends.length] ?? 0);
    for (const port of order) {
      const outgoing = await tryDial(port);
      if (outgoing === null) continue;
      if (incoming.destroyed) {
        outgoing.destroy();
        return;
      }
      join(incoming, outgoing);
      return;
    }
    incoming.resetAndDestroy();
  });
  const port = await listen(server, wantedPort);
  server.unref();
  return {
    port,
    cut: () => {
      backends = [];
      for (const socket of open) socket.destroy();
    },
    use: (ports) => {
      backends = ports;
    },
  };
}
