// The API server as a pod sees it, for the hooks of the chart; Node alone, since the image holds nothing else.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

const ACCOUNT = process.env.SERVICE_ACCOUNT_FOLDER ?? '/var/run/secrets/kubernetes.io/serviceaccount';
const LIMIT_MS = 30_000;

/** Status, parsed body and Warning headers of one call. @throws when the API server does not answer. */
export function call(method, path, body) {
  const options = {
    host: process.env.KUBERNETES_SERVICE_HOST,
    port: process.env.KUBERNETES_SERVICE_PORT,
    method,
    path,
    ca: readFileSync(`${ACCOUNT}/ca.crt`),
    headers: {
      Authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8').trim()}`,
      'Content-Type': 'application/json',
      Accept: 'application/json',
    },
    timeout: LIMIT_MS,
  };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        try {
          const text = Buffer.concat(chunks).toString('utf8');
          // Node reads headers as latin1; the API server writes warnings as UTF-8.
          const warnings = (response.headersDistinct.warning ?? []).map((one) => Buffer.from(one, 'latin1').toString('utf8'));
          resolve({ status: response.statusCode, body: JSON.parse(text), warnings });
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${LIMIT_MS / 1000} s`)));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
