import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { ROOT } from './render.ts';

const WORKFLOWS = join(ROOT, '.github', 'workflows');

it.each(readdirSync(WORKFLOWS))(
  'actionlint has nothing to say about %s: keys, expressions, inputs of actions',
  (file) => {
    // The other linters that it would run are not pinned here.
    const others = ['-shellcheck=', '-pyflakes='];
    const { status, stdout, stderr } = spawnSync(inject('actionlint'), [...others, join(WORKFLOWS, file)], {
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  },
);
