import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { SERVER_NAME } from './webhook-configuration.ts';

const LIMIT_MS = 5_000;

/** The serial number of the certificate that a new connection to the port is shown. */
export function servedSerial(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // Who it is does not matter here: which certificate it is does.
    const socket = connect(
      { host: '127.0.0.1', port, servername: SERVER_NAME, rejectUnauthorized: false },
      () => {
        const { serialNumber } = socket.getPeerCertificate();
        socket.destroy();
        resolve(serialNumber);
      },
    );
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error('no TLS within 5 s')));
    socket.once('error', reject);
  });
}

export async function serialOfFile(file: string): Promise<string> {
  return new X509Certificate(await readFile(file)).serialNumber;
}
