import { beforeAll } from 'vitest';
import { customResourceDefinitions } from '../harness/crds.ts';
import { EXAMPLE_NODES } from '../harness/examples.ts';
import { useInstalledChart } from '../harness/suite.ts';
import { itKeepsThreeBooks } from './books.ts';
import { describeExamples } from './examples.ts';
import { describeMatching } from './matching.ts';
import { describeModes } from './modes.ts';
import { describePolicies } from './policies.ts';

// Three groups of cases that ask for nothing but an installed chart; starting one takes longer than all of them.
const stage = useInstalledChart({ name: 'examples', nodeFiles: [], moreNodes: EXAMPLE_NODES });

beforeAll(async () => {
  await stage().kubectl.run(['apply', '-f', '-'], customResourceDefinitions());
  await stage().kubectl.run(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
});

// First, as nothing else may call the webhooks while it counts.
describeMatching(stage);
describeModes(stage);
describeExamples(stage);
// Last, as it upgrades the chart.
describePolicies(stage);
itKeepsThreeBooks(stage);
