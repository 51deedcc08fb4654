// `helm test`: one good and one bad Deployment, sent to the API server as a dry run. Nothing is stored.
// Arguments: the namespace to send them to, and the mode that the policy names.
import { call } from './api.mjs';

const [namespace, mode] = process.argv.slice(2);

function deployment(name, context) {
  const labels = { app: name };
  const container = {
    name: 'vllm',
    image: 'vllm/vllm-openai:v0.11.0',
    args: [
      '--model=RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16',
      '--tensor-parallel-size=8',
      '--max-model-len=8192',
    ],
    resources: { limits: { 'nvidia.com/gpu': '8' } },
    volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
  };
  const volumes = [{ name: 'shm', emptyDir: { medium: 'Memory' } }];
  const annotations = {
    'vramgate.io/model': 'scout',
    'vramgate.io/quantization': 'w4a16',
    'vramgate.io/context': context,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, annotations },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container], volumes } },
    },
  };
}

async function send(name, context) {
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments?dryRun=All`;
  const answer = await call('POST', path, deployment(name, context));
  const message = answer.body.message ?? '';
  console.log(`${name}: HTTP ${answer.status} ${message}`);
  for (const warning of answer.warnings) console.log(`  Warning: ${warning}`);
  return { ...answer, message };
}

function isRefusedByUs({ status, message }) {
  return status === 422 && message.includes('vramgate.io" denied the request');
}

/** What a context that is no number of tokens must come to. */
function isReviewed(bad) {
  if (mode === 'enforce') return isRefusedByUs(bad);
  return bad.status === 201 && bad.warnings.some((warning) => warning.includes('vramgate.io/context'));
}

const good = await send('vramgate-test-good', '8192');
const bad = await send('vramgate-test-bad', 'banana');
if (good.status !== 201) {
  console.log('FAILED: the good object was not admitted');
  process.exitCode = 1;
}
if (mode === 'audit') {
  console.log('mode audit neither refuses nor warns: look for the decision record of vramgate-test-bad');
} else if (!isReviewed(bad)) {
  console.log('FAILED: the bad object was not reviewed: is the webhook ready, and is its caBundle filled?');
  process.exitCode = 1;
}
