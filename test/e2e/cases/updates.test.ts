import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BF16, type Manifest, ON_H100, SCOUT_128K, scoutDeployment, W4A16 } from '../harness/manifests.ts';
import { at, listAt } from '../harness/members.ts';
import { argsOf, generationOf, limitsOf, podSpecOf, storedObject } from '../harness/objects.ts';
import { until } from '../harness/process.ts';
import { useInstalledChart } from '../harness/suite.ts';

// What people and controllers do to a workload after it was admitted, with every controller running.
const stage = useInstalledChart({ name: 'updates', nodeFiles: ['dgx-h100.yaml'] });

const stored = (name: string) => storedObject(stage().kubectl, 'deployment', name);
const apply = (manifest: Manifest, ...flags: readonly string[]) =>
  stage().kubectl.run(['apply', ...flags, '-f', '-'], manifest);

const SERVER_SIDE = ['--server-side', '--force-conflicts'];
const TWO_GPUS = { 'nvidia.com/gpu': '2' };

/** The flag that we add, and how often it stands there. */
function parallelFlags(deployment: unknown): number {
  return listAt(argsOf(deployment)).filter((arg) => String(arg).startsWith('--tensor-parallel-size')).length;
}

describe.each([
  { how: 'client-side', flags: [] },
  { how: 'server-side', flags: SERVER_SIDE },
])('a file applied $how', ({ how, flags }) => {
  const manifest = scoutDeployment({ name: `again-${how}` });

  beforeAll(async () => {
    await apply(manifest, ...flags);
  });

  it('differs in nothing from what is stored', async () => {
    const diff = await stage().kubectl.try(['diff', ...flags, '-f', '-'], manifest);
    expect(diff.stdout).toBe('');
    expect(diff.status).toBe(0);
  });

  it('keeps template and generation after the inventory has lost the GPU that it was planned for', async () => {
    const { addReplica, balancer, replicas } = stage();
    const before = await stored(`again-${how}`);
    const other = await addReplica(`other-inventory-${how}`, 'amd-mi300x.yaml');
    balancer.use([other.port]);
    try {
      await apply(manifest, ...flags);
      await apply(manifest, ...flags);
    } finally {
      balancer.use(replicas.slice(0, 2).map((one) => one.port));
    }
    const after = await stored(`again-${how}`);
    expect(at(after, 'spec')).toEqual(at(before, 'spec'));
    expect(generationOf(after)).toBe(generationOf(before));
  });

  it('is planned anew, downwards too, when the author changes the context', async () => {
    const smaller = { ...SCOUT_128K, 'vramgate.io/context': '8K' };
    const args = ['--model', W4A16, '--max-model-len=8192'];
    await apply(scoutDeployment({ name: `again-${how}`, annotations: smaller, args }), ...flags);
    await apply(scoutDeployment({ name: `fresh-${how}`, annotations: smaller, args }), ...flags);
    const [changed, fresh] = [await stored(`again-${how}`), await stored(`fresh-${how}`)];
    expect(limitsOf(changed)).toEqual(limitsOf(fresh));
    expect(argsOf(changed)).toEqual(argsOf(fresh));
    expect(at(podSpecOf(changed), 'nodeSelector')).toEqual(at(podSpecOf(fresh), 'nodeSelector'));
  });
});

describe('kubectl on a workload that we filled in', () => {
  const name = 'filled';

  beforeAll(async () => {
    await apply(scoutDeployment({ name }));
    await stage().kubectl.run(['rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  });

  const expectFilledOnce = async () => {
    const deployment = await stored(name);
    expect(limitsOf(deployment)).toEqual(TWO_GPUS);
    expect(parallelFlags(deployment)).toBe(1);
    return deployment;
  };

  it('scale: the template stays as it is', async () => {
    const before = await stored(name);
    await stage().kubectl.run(['scale', 'deployment', name, '--replicas=2']);
    const after = await expectFilledOnce();
    expect(at(after, 'spec', 'replicas')).toBe(2);
    expect(at(after, 'spec', 'template')).toEqual(at(before, 'spec', 'template'));
    await stage().kubectl.run(['rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  });

  it('rollout restart, set image, edit, rollout undo: filled in once, never twice, and the Pods run', async () => {
    const { kubectl, plane } = stage();
    await kubectl.run(['rollout', 'restart', `deployment/${name}`]);
    await expectFilledOnce();
    await kubectl.run(['set', 'image', `deployment/${name}`, 'vllm=vllm/vllm-openai:v0.10.2']);
    await expectFilledOnce();
    const editor = join(plane.folder, 'editor.sh');
    await writeFile(
      editor,
      '#!/bin/sh\nsed -i "s/minReadySeconds: 0//; s/^  replicas: 2/  replicas: 1/" "$1"\n',
    );
    await chmod(editor, 0o755);
    await kubectl.run(['edit', 'deployment', name], undefined, { KUBE_EDITOR: editor });
    expect(at(await expectFilledOnce(), 'spec', 'replicas')).toBe(1);
    await kubectl.run(['rollout', 'undo', `deployment/${name}`]);
    const undone = await expectFilledOnce();
    expect(at(podSpecOf(undone), 'containers', 0, 'image')).toBe('vllm/vllm-openai:v0.11.0');
    await kubectl.run(['rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  });

  it('a second field manager that owns other fields meets no conflict', async () => {
    const { kubectl } = stage();
    await apply(scoutDeployment({ name: 'managed' }), '--server-side', '--field-manager=first');
    const labels = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'managed', labels: { team: 'two' } },
    };
    await apply(labels, '--server-side', '--field-manager=second');
    await apply(scoutDeployment({ name: 'managed' }), '--server-side', '--field-manager=first');
    const deployment = await storedObject(kubectl, 'deployment', 'managed');
    expect(generationOf(deployment)).toBe(1);
    expect(at(deployment, 'metadata', 'labels', 'team')).toBe('two');
    expect(limitsOf(deployment)).toEqual(TWO_GPUS);
  });

  it('generateName: filled in, and the record says what the name was made from', async () => {
    const { kubectl, records } = stage();
    const manifest = scoutDeployment({ name: 'generated' });
    const metadata = { generateName: 'generated-', annotations: SCOUT_128K };
    const created = await kubectl.run(['create', '-o', 'json', '-f', '-'], { ...manifest, metadata });
    expect(limitsOf(JSON.parse(created.stdout))).toEqual(TWO_GPUS);
    const record = await until(
      async () =>
        (await records()).find((one) => at(one, 'subject', 'generateName') === 'generated-') ?? null,
      { what: 'a record with generateName', limitMs: 10_000 },
    );
    expect(record['allowed']).toBe(true);
  });
});

describe('what came in while nobody judged', () => {
  const name = 'came-in';
  const undersized = scoutDeployment({
    name,
    annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/context': '1M' },
    args: ['--model', BF16, '--max-model-len=1048576', '--tensor-parallel-size=4'],
    gpus: 4,
    nodeSelector: ON_H100,
    replicas: 0,
  });

  beforeAll(async () => {
    const { balancer, replicas } = stage();
    balancer.cut();
    await apply(undersized);
    balancer.use(replicas.slice(0, 2).map((one) => one.port));
  });

  it('can be labelled, annotated and scaled, with a warning where it is judged', async () => {
    const { kubectl } = stage();
    await kubectl.run(['label', 'deployment', name, 'team=one']);
    const annotated = await kubectl.run(['annotate', 'deployment', name, 'example.com/note=hello']);
    expect(annotated.stderr).toMatch(/^Warning: .*/);
    await kubectl.run(['scale', 'deployment', name, '--replicas=1']);
    await kubectl.run(['scale', 'deployment', name, '--replicas=0']);
  });

  it('is refused when its author makes it worse', async () => {
    const worse = await stage().kubectl.try([
      'annotate',
      '--overwrite',
      'deployment',
      name,
      'vramgate.io/concurrency=4',
    ]);
    expect(worse.status).toBe(1);
    expect(worse.stderr).toContain('denied the request');
  });

  it('can always be deleted, its finalizer included', async () => {
    const { kubectl } = stage();
    const finalizers = (value: unknown) => JSON.stringify({ metadata: { finalizers: value } });
    await kubectl.run(['patch', 'deployment', name, '--type=merge', '-p', finalizers(['example.com/hold'])]);
    await kubectl.run(['delete', 'deployment', name, '--wait=false']);
    await kubectl.run(['patch', 'deployment', name, '--type=merge', '-p', finalizers(null)]);
    await until(async () => ((await kubectl.try(['get', 'deployment', name])).status === 1 ? true : null), {
      what: 'the Deployment is gone',
    });
  });

  it('deletecollection takes everything', async () => {
    const { kubectl } = stage();
    await kubectl.run(['delete', 'deployments', '--all', '--timeout=60s']);
    expect((await kubectl.run(['get', 'deployments'])).stdout).toBe('');
  });
});
