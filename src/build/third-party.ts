import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PACKAGE_FOLDER = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const LICENSE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

/** A package that is part of the bundle. */
export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** Its licence and notice files, whole. */
  readonly texts: readonly string[];
}

async function readPackage(folder: string): Promise<ThirdParty> {
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  const { name, version, license } = JSON.parse(text) as Omit<ThirdParty, 'texts'>;
  const files = (await readdir(folder)).filter((file) => LICENSE_FILE.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return { name, version, license, texts };
}

/** The packages that `inputs`, the paths of an esbuild metafile, come from; what was left out of the bundle is not among them. */
export function thirdParties(root: string, inputs: readonly string[]): Promise<readonly ThirdParty[]> {
  const folders = inputs.flatMap((input) => PACKAGE_FOLDER.exec(input)?.[0] ?? []);
  return Promise.all([...new Set(folders)].sort().map((folder) => readPackage(join(root, folder))));
}

const RULE = `\n\n${'-'.repeat(80)}\n\n`;

/** Their licences, as most of them ask for in every copy. */
export function notices(packages: readonly ThirdParty[]): string {
  const parts = packages.map(({ name, version, license, texts }) =>
    [`${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join('\n\n'),
  );
  return `Packages that are part of vramgate.mjs, and their licences.\n\n${parts.join(RULE)}\n`;
}

/**
 * CycloneDX 1.5 without serial number and time, so that it is the same for the same sources. From the bundle itself:
 * `npm sbom --omit=dev` (npm 11.21) leaves out a package that a development tool asks for as well.
 */
export function billOfMaterials(version: string, packages: readonly ThirdParty[]): unknown {
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: { type: 'application', name: 'vramgate', version, licenses: [{ expression: 'Apache-2.0' }] },
    },
    components: packages.map((one) => ({
      type: 'library',
      name: one.name,
      version: one.version,
      purl: `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`,
      licenses: [{ expression: one.license }],
    })),
  };
}
