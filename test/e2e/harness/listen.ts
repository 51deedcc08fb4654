import type { Server } from 'node:net';

/** Listens on 127.0.0.1; 0 for any free port. Resolves with the port. */
export async function listen(server: Server, wantedPort = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wantedPort, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
