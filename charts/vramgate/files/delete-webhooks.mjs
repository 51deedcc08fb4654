// Pre-delete hook: takes both webhook configurations away before the pods that answer for them.
// Argument: their name.
import { call } from './api.mjs';

const [name] = process.argv.slice(2);

for (const resource of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations']) {
  const path = `/apis/admissionregistration.k8s.io/v1/${resource}/${encodeURIComponent(name)}`;
  const { status, body } = await call('DELETE', path);
  console.log(`${resource}/${name}: HTTP ${status}`);
  if (status !== 200 && status !== 404) {
    console.log(body.message);
    process.exitCode = 1;
  }
}
