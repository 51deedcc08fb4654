import { useReplicas } from '../harness/suite.ts';
import { describeAdmission } from './admission.ts';
import { itKeepsThreeBooks } from './books.ts';
import { describeClients, showsCertificate } from './clients.ts';
import { describeCluster } from './cluster.ts';

// Three groups of cases that need an API server and nothing else; each starts servers of its own.
const stage = useReplicas('admission', showsCertificate);

// First, as its scan finds whatever is stored.
describeCluster(stage);
describeAdmission(stage);
describeClients(stage);
itKeepsThreeBooks(() => ({
  plane: stage().plane,
  records: async () => (await Promise.all(stage().started.map((one) => one.records()))).flat(),
}));
