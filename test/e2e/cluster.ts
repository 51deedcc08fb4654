import { rm } from 'node:fs/promises';
import { adminKubectl, startPlane, temporaryFolder } from './harness/cluster.ts';
import { installChart } from './harness/installed.ts';
import { killPrograms } from './harness/process.ts';
import { KUBERNETES_VERSIONS, MINORS } from './harness/recipes.ts';
import { CLUSTER_TOOLS, toolsOf } from './harness/tools.ts';

/** `npm run cluster`: a control plane with example nodes and the chart, for trying things by hand. Stays until interrupted. */

const NODE_FILES = ['dgx-h100.yaml', 'amd-mi300x.yaml', 'time-sliced.yaml', 'mig-mixed.yaml'];

async function main(): Promise<void> {
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  const [minor] = MINORS;
  const tools = await toolsOf(minor, CLUSTER_TOOLS);
  const folder = await temporaryFolder();
  try {
    const plane = await startPlane(folder, tools, { withControllers: true });
    await installChart({ plane, kubectl: adminKubectl(plane) }, { name: 'cluster', nodeFiles: NODE_FILES });
    console.log(
      [
        '',
        `Kubernetes ${KUBERNETES_VERSIONS[minor]} with vramgate, two replicas. Logs and certificates: ${plane.folder}`,
        '',
        `  export KUBECONFIG=${plane.adminConfig}`,
        `  ${plane.tools('kubectl')} get nodes`,
        '',
        'The Pods of nodes are simulated; no container runs. Interrupt to end everything.',
      ].join('\n'),
    );
    // A handler for a signal does not keep the event loop busy.
    const awake = setInterval(() => undefined, 60_000);
    await interrupted;
    clearInterval(awake);
  } finally {
    await killPrograms();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
