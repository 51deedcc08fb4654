import { type Finding, finding } from '../findings.ts';
import type { Container } from '../workload/types.ts';
import {
  type Budget,
  type Environment,
  expandReferences,
  isExhausted,
  MAX_TEXT,
  newBudget,
  readEnvironment,
  type Variable,
} from './environment.ts';
import type { Exported, ShellState } from './shell-expansion.ts';
import { MAX_SCRIPTS, readScript, type ScriptCommand, shellCall } from './shell-script.ts';
import { makeWord, programName, type Word } from './words.ts';

/** One program start, with the variables that the program sees. */
export interface Command {
  readonly words: readonly Word[];
  readonly environment: Environment;
}

/** What a container starts. */
export interface Launch {
  /** `entrypoint`: no command, so the args go to whatever the image starts. */
  readonly form: 'exec' | 'shell' | 'entrypoint';
  /** Every program start that the text holds, in its order; one unless a shell runs. */
  readonly commands: readonly Command[];
  readonly environment: Environment;
  /** A script file, or more text than is analysed. */
  readonly isUnreadable: boolean;
  readonly findings: readonly Finding[];
}

/** Elements of one argv that are read. */
const MAX_WORDS = 4096;

export function readLaunch(container: Container): Launch {
  if (textLength(container) > MAX_TEXT || container.command.length + container.args.length > MAX_WORDS) {
    return unreadLaunch(container);
  }
  const budget = newBudget();
  const environment = readEnvironment(container, budget);
  const words = [
    ...argvWords(container, 'command', environment, budget),
    ...argvWords(container, 'args', environment, budget),
  ];
  const found = readCommand({ words, environment }, budget, 0);
  return {
    form: found.isShell ? 'shell' : formOf(container),
    commands: found.commands,
    environment,
    isUnreadable: found.isUnreadable || isExhausted(budget),
    findings: budgetFindings(container, budget),
  };
}

function formOf({ command }: Container): Launch['form'] {
  return command.length === 0 ? 'entrypoint' : 'exec';
}

/** Characters of a container that reading its launch looks at. */
export function textLength(container: Container): number {
  let length = 0;
  for (const text of container.command) length += text.length;
  for (const text of container.args) length += text.length;
  for (const { name, value } of container.env) length += name.length + (value?.length ?? 0);
  return length;
}

/** A launch that is not read, because there is too much of it. */
export function unreadLaunch(container: Container): Launch {
  const message = `command, args and env hold more than the ${MAX_TEXT / 1024} KiB or ${MAX_WORDS} words that are analysed`;
  return {
    form: formOf(container),
    commands: [],
    environment: { variables: new Map(), hasUnseen: true },
    isUnreadable: true,
    findings: [finding('analysis-limit', container.path, message)],
  };
}

function budgetFindings(container: Container, budget: Budget): readonly Finding[] {
  if (!isExhausted(budget)) return [];
  const message =
    'the script, or what its variables expand to, is longer than what is analysed; the rest is unknown';
  return [finding('analysis-limit', container.path, message)];
}

function argvWords(
  container: Container,
  list: 'command' | 'args',
  environment: Environment,
  budget: Budget,
): readonly Word[] {
  return container[list].map((raw, index) => {
    const source = { raw, path: [...container.path, list, index], isElement: true };
    return makeWord(expandReferences(raw, environment, budget), source);
  });
}

interface CommandReading {
  readonly commands: readonly Command[];
  readonly isShell: boolean;
  readonly isUnreadable: boolean;
}

/** A command as it stands, or the commands of the script that it runs. */
function readCommand(command: Command, budget: Budget, depth: number): CommandReading {
  const { words } = command;
  const start = programStart(words);
  const call = shellCall(
    programName(words[start]),
    words.slice(start).map((word) => word.text),
  );
  if (call === null) return { commands: [command], isShell: false, isUnreadable: false };
  const script = call.script === -1 ? undefined : words[start + call.script];
  if (script === undefined || depth >= MAX_SCRIPTS)
    return { commands: [command], isShell: true, isUnreadable: true };
  const positional = words.slice(start + call.script + 1).map((word) => word.marked);
  const state = shellState(command.environment, positional, budget);
  const inner = readScript(script.marked, state).map((one) =>
    scriptCommand(one, script, command.environment),
  );
  const read = inner.map((one) => readCommand(one, budget, depth + 1));
  return {
    commands: read.flatMap((one) => one.commands),
    isShell: true,
    isUnreadable: read.length === 0,
  };
}

function shellState(environment: Environment, positional: readonly string[], budget: Budget): ShellState {
  const [name = 'sh', ...others] = positional;
  return {
    variables: new Map(),
    outer: environment.variables,
    exported: null,
    positional: [name, ...others],
    hasUnseen: environment.hasUnseen,
    budget,
  };
}

function scriptCommand(command: ScriptCommand, script: Word, outer: Environment): Command {
  const words = command.words.map(({ marked, raw }) =>
    makeWord(marked, { raw, path: script.path, isElement: false }),
  );
  const get = (name: string): Variable | undefined =>
    exportedVariable(command.exported, name, script) ?? outer.variables.get(name);
  return { words, environment: { variables: { get }, hasUnseen: outer.hasUnseen } };
}

/** A variable that a script exports stands where the script stands. */
function exportedVariable(latest: Exported | null, name: string, script: Word): Variable | undefined {
  for (let one = latest; one !== null; one = one.before) {
    if (one.name === name) return { value: one.value, path: script.path };
  }
  return undefined;
}

/** Programs that start another one, named after their own options. */
const WRAPPERS = new Set([
  'exec',
  'nohup',
  'time',
  'env',
  'sudo',
  'command',
  'nice',
  'ionice',
  'numactl',
  'taskset',
  'tini',
  'dumb-init',
  'catatonit',
  'stdbuf',
  'setsid',
  'timeout',
  'gosu',
  'uv',
  'poetry',
  'conda',
  'micromamba',
  'mpirun',
  'mpiexec',
  'srun',
  'nsys',
  'trtllm-llmapi-launch',
  'nvidia_entrypoint.sh',
]);

/** Options of a wrapper, their numbers, variables of `env`, `uv run`. */
const WRAPPER_WORD = /^(?:-.*|\d+[smh]?|run|profile|[A-Za-z_]\w*=.*)$/s;

/** Words of wrappers that are looked through. */
const MAX_WRAPPER_WORDS = 32;

/** Index of the program that really runs: behind `exec`, `tini --`, `env A=1`, `mpirun -n 8`. */
export function programStart(words: readonly Word[]): number {
  const end = Math.min(words.length, MAX_WRAPPER_WORDS);
  let at = 0;
  while (at < end && isWrapper(words[at])) {
    at += 1;
    while (at < end && WRAPPER_WORD.test(words[at]?.text ?? '')) at += 1;
  }
  return at;
}

export function isWrapper(word: Word | undefined): boolean {
  return word !== undefined && WRAPPERS.has(programName(word));
}
