import type { TestProject } from 'vitest/node';
import { toolsOf } from '../e2e/harness/tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly helm4: string;
    readonly helm3: string;
    readonly promtool: string;
    readonly actionlint: string;
  }
}

/** Builds the programs, or finds them built; the first time takes minutes. */
export async function setup(project: TestProject): Promise<void> {
  const tools = await toolsOf('1.37', ['helm-4', 'helm-3', 'promtool', 'actionlint']);
  project.provide('helm4', tools('helm-4'));
  project.provide('helm3', tools('helm-3'));
  project.provide('promtool', tools('promtool'));
  project.provide('actionlint', tools('actionlint'));
}
