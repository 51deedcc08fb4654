import type { Launcher } from '../engine.ts';
import { pythonLauncher, pythonStart } from '../recognise.ts';
import { programName, type Word } from '../words.ts';

/** Modules and scripts that start vLLM; KAITO's and KServe's wrappers hand its flags on. */
const MODULES: ReadonlyMap<string, string> = new Map([
  ['vllm.entrypoints.openai.api_server', 'server'],
  ['vllm.entrypoints.api_server', 'server'],
  ['dynamo.vllm', 'server'],
  ['inference_api.py', 'server'],
  ['huggingfaceserver', 'kserve'],
  ['vllm.entrypoints.openai.run_batch', 'offline'],
  ['benchmark_throughput.py', 'offline'],
  ['benchmark_latency.py', 'offline'],
]);

/** What runs the engine in its own process; `bench serve` and `chat` are clients of a server. */
const OFFLINE: ReadonlySet<string> = new Set(['latency', 'throughput', 'startup']);

/** Words of the `vllm` program up to its flags; null for what starts no engine. */
function subcommand(words: readonly Word[], at: number): Launcher | null {
  const name = words[at]?.text;
  if (name === 'serve') return { length: 1, dialect: 'serve' };
  if (name === 'run-batch') return { length: 1, dialect: 'offline' };
  const isOffline = name === 'bench' && OFFLINE.has(words[at + 1]?.text ?? '');
  return isOffline ? { length: 2, dialect: 'offline' } : null;
}

export function launcherAt(words: readonly Word[], at: number): Launcher | null {
  const program = programName(words[at]);
  const next = words[at + 1]?.text;
  if (program === 'vllm') return after(1, subcommand(words, at + 1));
  if (program === 'trl' && next === 'vllm-serve') return { length: 2, dialect: 'server' };
  if (program === 'nim-serve') return { length: 1, dialect: 'server' };
  const python = pythonLauncher(words, at, MODULES);
  if (python !== null) return python;
  const start = pythonStart(words, at);
  const isCli = start?.runs === 'vllm.entrypoints.cli.main' || start?.runs.endsWith('/vllm') === true;
  return start === null || !isCli ? null : after(start.length, subcommand(words, at + start.length));
}

function after(length: number, launcher: Launcher | null): Launcher | null {
  return launcher === null ? null : { ...launcher, length: length + launcher.length };
}
