import { configJsonSchema } from '../config/json-schema.ts';
import { configFrom, readText } from './facts.ts';
import { EXIT, type Io, UsageError } from './io.ts';

export const CONFIG_USAGE = `usage: vramgate config check FILE|-   what serve would say to this configuration
       vramgate config schema         JSON Schema (draft 2020-12) of the configuration file

exit codes: 0 usable, 2 not usable; every mistake is named with its path
`;

/** `vramgate config`: the webhook's configuration file, before it is given to the webhook. */
export async function runConfig(argv: readonly string[], io: Io): Promise<number> {
  const [action, file, ...rest] = argv;
  if (action === '--help' || action === '-h') {
    io.out(CONFIG_USAGE);
    return EXIT.fits;
  }
  if (action === 'schema' && file === undefined) {
    io.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return EXIT.fits;
  }
  if (action !== 'check' || file === undefined || rest.length > 0)
    throw new UsageError(CONFIG_USAGE.trimEnd());
  const { policy, catalog } = configFrom(file, file === '-' ? await io.stdin() : await readText(file));
  io.out(`${file}: usable, policy ${policy.hash}, catalog ${catalog.version}\n`);
  return EXIT.fits;
}
