import { EXIT, type Io, isUsageError, readInput, UsageError } from './commands/io.ts';
import { terminalEnvironment } from './config/environment.ts';

const VERSION = __VRAMGATE_VERSION__;

const USAGE = `usage: vramgate COMMAND [options]

  size     what serving a model needs per GPU, and whether it fits
  solve    the largest context or concurrency, or the fewest GPUs, that fit
  catalog  the models, GPUs and engines that are known
  check    the webhook's verdict on manifests, without a cluster
  mutate   the webhook's edits in the text of manifests
  scan     the webhook's verdict on what a cluster runs already
  serve    the admission webhook
  audit    reads the decision records of the webhook's log, and computes them again
  config   checks a configuration file of the webhook, or prints its JSON Schema

vramgate COMMAND --help tells more; vramgate --version prints ${VERSION}
`;

const IO: Io = {
  out: (line) => process.stdout.write(line),
  err: (line) => process.stderr.write(line),
  stdin: () => readInput(process.stdin),
  isTerminal: process.stdout.isTTY === true,
  env: terminalEnvironment(),
  now: () => new Date(),
};

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

/** Commands are loaded when they are asked for: `size` must not evaluate a web server. */
async function run(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'size':
      return (await import('./commands/size.ts')).runSize(rest, IO);
    case 'solve':
      return (await import('./commands/solve.ts')).runSolve(rest, IO);
    case 'catalog':
      return (await import('./commands/catalog.ts')).runCatalog(rest, IO);
    case 'check':
      return (await import('./commands/check.ts')).runCheck(rest, IO);
    case 'scan':
      return (await import('./commands/scan.ts')).runScan(rest, IO);
    case 'audit':
      return (await import('./commands/audit.ts')).runAudit(rest, { ...IO, input: () => process.stdin });
    case 'mutate':
      return (await import('./commands/mutate.ts')).runMutate(rest, IO);
    case 'config':
      return (await import('./commands/config.ts')).runConfig(rest, IO);
    case 'serve':
      return (await import('./commands/serve.ts')).runServe(rest, {
        out: process.stdout,
        err: IO.err,
        stopped: untilStopped(),
      });
    case '--version':
      IO.out(`${VERSION}\n`);
      return EXIT.fits;
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      IO.out(USAGE);
      return command === undefined ? EXIT.usage : EXIT.fits;
    default:
      throw new UsageError(
        `no command is called ${JSON.stringify(command.slice(0, 64))}; try vramgate --help`,
      );
  }
}

async function main(): Promise<void> {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    const isUsage = isUsageError(error);
    const detail = error instanceof Error ? error.message : 'unknown';
    IO.err(isUsage ? `vramgate: ${detail}\n` : `vramgate: internal error: ${detail}\n`);
    process.exitCode = isUsage ? EXIT.usage : EXIT.fault;
  }
}

// `vramgate audit | head`: the reader has seen enough. The webhook writes to its descriptor, not through this stream.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.fits);
});

await main();
