import type { JsonPath } from '../findings.ts';
import type { Container } from '../workload/types.ts';
import { UNKNOWN } from './words.ts';

/** Text of one container that is analysed: command, args and literal variables (design §7). */
export const MAX_TEXT = 64 * 1024;

/**
 * What expansion may still produce, in characters. Expansion can double a text with every variable, so the produced
 * text is bounded as well as the written one.
 */
export interface Budget {
  left: number;
  /** Shell words and operators that may still be read. Real scripts have a few hundred. */
  tokens: number;
}

export function newBudget(): Budget {
  return { left: 4 * MAX_TEXT, tokens: 4096 };
}

export function isExhausted({ left, tokens }: Budget): boolean {
  return left < 0 || tokens < 0;
}

/** False when the budget is used up: the text is then unknown. */
export function spend(budget: Budget, characters: number): boolean {
  budget.left -= characters;
  return budget.left >= 0;
}

export interface Variable {
  /** Text with UNKNOWN for what cannot be read. */
  readonly value: string;
  readonly path: JsonPath;
}

/** Variables by name. A script's are layered over the container's, so they are looked up and never listed. */
export interface VariableLookup {
  readonly get: (name: string) => Variable | undefined;
}

export interface Environment {
  readonly variables: VariableLookup;
  /** ConfigMaps or Secrets add variables whose names we cannot see. */
  readonly hasUnseen: boolean;
}

/**
 * The container's variables, expanded in order as the kubelet does it: a value sees only the variables before it
 * (kubernetes `pkg/kubelet/kubelet_pods.go`, makeEnvironmentVariables).
 */
export function readEnvironment(container: Container, budget: Budget): Environment {
  const variables = new Map<string, Variable>();
  const environment: Environment = { variables, hasUnseen: container.hasEnvFrom };
  for (const entry of container.env) {
    const value = entry.value === null ? UNKNOWN : expandReferences(entry.value, environment, budget);
    variables.set(entry.name, { value, path: entry.path });
  }
  return environment;
}

const VARIABLE_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

function resolve(name: string, environment: Environment): string {
  const known = environment.variables.get(name);
  if (known !== undefined) return known.value;
  return environment.hasUnseen && VARIABLE_NAME.test(name) ? UNKNOWN : `$(${name})`;
}

/**
 * `$(VAR)` in command, args and values. `$$` is a dollar, unknown names stay literal, so does an unclosed `$(`
 * (kubernetes `third_party/forked/golang/expansion/expand.go`).
 */
export function expandReferences(text: string, environment: Environment, budget: Budget): string {
  if (!text.includes('$')) return spend(budget, text.length) ? text : UNKNOWN;
  const lastClose = text.lastIndexOf(')');
  let result = '';
  let at = 0;
  while (at < text.length) {
    const step = expandOne(text, at, lastClose, environment);
    if (!spend(budget, step.text.length)) return UNKNOWN;
    result += step.text;
    at = step.next;
  }
  return result;
}

interface Step {
  readonly text: string;
  readonly next: number;
}

function expandOne(text: string, at: number, lastClose: number, environment: Environment): Step {
  const dollar = text.indexOf('$', at);
  if (dollar === -1) return { text: text.slice(at), next: text.length };
  const before = text.slice(at, dollar);
  const follower = text[dollar + 1];
  if (follower === '$') return { text: `${before}$`, next: dollar + 2 };
  if (follower !== '(' || dollar > lastClose) return { text: `${before}$`, next: dollar + 1 };
  const close = text.indexOf(')', dollar);
  return { text: before + resolve(text.slice(dollar + 2, close), environment), next: close + 1 };
}

/** What the environment says about one variable; `unknown` also where a ConfigMap may set it. */
export type VariableState =
  | { readonly state: 'absent' }
  | { readonly state: 'known'; readonly text: string; readonly path: JsonPath }
  | { readonly state: 'unknown'; readonly path: JsonPath };

export function variableState(environment: Environment, name: string): VariableState {
  const found = environment.variables.get(name);
  if (found === undefined) return { state: 'absent' };
  if (found.value.includes(UNKNOWN)) return { state: 'unknown', path: found.path };
  return { state: 'known', text: found.value, path: found.path };
}

/** The value of a variable that can be read, or null. */
export function knownValue(environment: Environment, name: string): string | null {
  const found = variableState(environment, name);
  return found.state === 'known' ? found.text : null;
}
