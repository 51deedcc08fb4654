// `node src/build/setup.mjs <script> [args]`: installs what package-lock.json says where that was not done yet,
// then runs the npm script. It must run on the machine's own Node, which may be as old as 20.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MODULES = join(ROOT, 'node_modules');
const ASSERT_RUNTIME = join(ROOT, 'src', 'build', 'assert-runtime.mjs');
const STAMP = join(MODULES, '.vramgate-lock');

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
}

function stampedHash() {
  try {
    return readFileSync(STAMP, 'utf8').trim();
  } catch {
    return null;
  }
}

/** PATH without this project's node_modules, whose `node` disappears while `npm ci` runs. */
function machinePath() {
  const entries = (process.env.PATH ?? '').split(delimiter);
  return entries.filter((entry) => !`${entry}${sep}`.startsWith(`${MODULES}${sep}`)).join(delimiter);
}

function npm(args) {
  const isOwnNode = process.execPath.startsWith(`${MODULES}${sep}`);
  const env = { ...process.env, PATH: machinePath() };
  const cli = process.env.npm_execpath;
  const [command, ...rest] = cli ? [isOwnNode ? 'node' : process.execPath, cli, ...args] : ['npm', ...args];
  const result = spawnSync(command, rest, { cwd: ROOT, env, stdio: 'inherit' });
  if (result.error) {
    process.stderr.write(`cannot run ${command}: ${result.error.message}\n`);
    return 1;
  }
  // A child that a signal ended has no status; a shell reports 128 + its number, the exact one is of no use here.
  return result.status ?? 128;
}

function install(hash) {
  // The stamp goes first and comes back last: an interrupted install is done again.
  rmSync(STAMP, { force: true });
  const status = npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  if (status !== 0) return status;
  // npm calls an install without its scripts a success, and the Node of this project comes by such a script.
  const check = spawnSync(join(MODULES, '.bin', 'node'), [ASSERT_RUNTIME], { stdio: 'inherit' });
  if (check.status !== 0) {
    process.stderr.write(
      'npm ci did not bring the Node of this project: are install scripts switched off?\n',
    );
    return 1;
  }
  writeFileSync(STAMP, `${hash}\n`);
  return 0;
}

function main([script, ...args]) {
  if (script === undefined) {
    process.stderr.write('usage: node src/build/setup.mjs <npm script> [arguments]\n');
    return 2;
  }
  const hash = lockHash();
  const status = stampedHash() === hash ? 0 : install(hash);
  return status === 0 ? npm(['run', '--silent', script, '--', ...args]) : status;
}

process.exitCode = main(process.argv.slice(2));
