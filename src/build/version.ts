import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface VersionDefine {
  readonly __VRAMGATE_VERSION__: string;
}

/** The version of package.json. */
export function packageVersion(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new Error('package.json names no version');
}

/** The same as a text replacement, for esbuild and vite alike. */
export function versionDefine(root: string): VersionDefine {
  return { __VRAMGATE_VERSION__: JSON.stringify(packageVersion(root)) };
}
