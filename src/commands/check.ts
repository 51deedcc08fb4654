import type { Facts } from '../pipeline/types.ts';
import { loadFacts } from './facts.ts';
import { oneOf, parseArguments } from './flags.ts';
import { EXIT, type Io } from './io.ts';
import { type CheckReport, isRefused, judge } from './judge.ts';
import { readManifests, tellUnreadable } from './manifests/manifests.ts';
import { githubReport } from './reports/github.ts';
import { checkElement, terminalJson, terminalYaml } from './reports/json.ts';
import { junitReport } from './reports/junit.ts';
import { recordLines } from './reports/records.ts';
import { sarifReport } from './reports/sarif.ts';
import { tableReport } from './reports/table.ts';

export const CHECK_USAGE = `usage: vramgate check [-f] FILE|DIR|- [[-f] …] [options]

  -f, --filename FILE|DIR|-   manifests: YAML or JSON, several documents, lists; - is standard input
  --inventory FILE            kubectl get nodes[,pods -A] -o yaml, or declared shapes; without it GPUs are unknown
  --config FILE               the webhook's configuration
  --only-annotated            passes over files without vramgate.io/, whatever they are; for a folder of everything
  --strict                    warnings and unknowns exit with 3
  -o, --output FORM           table (default), json, yaml, junit, sarif, github
  --records                   prints the decision records, one JSON line for each object, and nothing else

exit codes: 0 nothing refused, 3 something refused, 2 a document cannot be read, 1 a fault of vramgate
`;

export const CHECK_OPTIONS = {
  filename: { type: 'string', short: 'f', multiple: true },
  inventory: { type: 'string' },
  config: { type: 'string' },
  'only-annotated': { type: 'boolean' },
  strict: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  records: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const OUTPUTS = ['table', 'json', 'yaml', 'junit', 'sarif', 'github'] as const;
type Output = (typeof OUTPUTS)[number];

/** `vramgate check`: the webhook's verdict on files, without a cluster. */
export async function runCheck(argv: readonly string[], io: Io): Promise<number> {
  const { values, words } = parseArguments(argv, CHECK_OPTIONS);
  if (values.help === true) {
    io.out(CHECK_USAGE);
    return EXIT.fits;
  }
  const output = oneOf(values.output ?? 'table', OUTPUTS, '--output');
  const facts = await loadFacts(values.config ?? null, values.inventory ?? null);
  const onlyAnnotated = values['only-annotated'] === true;
  const manifests = await readManifests([...(values.filename ?? []), ...words], io, { onlyAnnotated });
  const report: CheckReport = {
    checked: manifests.flatMap(({ objects }) => objects.map((one) => judge(one, facts))),
    unreadable: manifests.flatMap(({ unreadable }) => unreadable),
    isStrict: values.strict === true,
  };
  tellUnreadable(report.unreadable, io);
  io.out(
    values.records === true
      ? recordLines(report.checked, facts, io.now())
      : printed(report, output, facts, io),
  );
  return exitCode(report);
}

function printed(report: CheckReport, output: Output, facts: Facts, io: Io): string {
  const elements = report.checked.map((one) => checkElement(one, facts.catalog));
  switch (output) {
    case 'table':
      return tableReport(report, facts, io.isTerminal && io.env['NO_COLOR'] === undefined);
    case 'json':
      return `${terminalJson(elements, 2)}\n`;
    case 'yaml':
      return terminalYaml(elements);
    case 'junit':
      return junitReport(report);
    case 'sarif':
      return `${terminalJson(sarifReport(report, facts, __VRAMGATE_VERSION__), 2)}\n`;
    case 'github':
      return githubReport(report, facts);
  }
}

/** Contract §6: 2 wins over 3. */
function exitCode({ checked, unreadable, isStrict }: CheckReport): number {
  if (unreadable.length > 0) return EXIT.usage;
  return checked.some((one) => isRefused(one, isStrict)) ? EXIT.doesNotFit : EXIT.fits;
}
