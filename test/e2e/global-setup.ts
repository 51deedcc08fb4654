import type { TestProject } from 'vitest/node';
import { CLUSTER_TOOLS, hasGo, toolsOf } from './harness/tools.ts';

/**
 * Builds what is not built yet, before files of cases run side by side and would do it twice; the first time takes
 * minutes. Without Go a file says itself which program it lacks.
 */
export async function setup(project: TestProject): Promise<void> {
  const { minor } = project.config.provide;
  if (minor !== undefined && hasGo()) await toolsOf(minor, [...CLUSTER_TOOLS, 'helm-3']);
}
