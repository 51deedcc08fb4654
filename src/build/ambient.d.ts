// The two things that the build puts in: see catalog-plugin.ts and version.ts.

declare module 'catalog:builtin' {
  type Parsed = ReturnType<typeof import('../catalog/parse.ts').parseCatalogSources>;
  export const builtinCatalog: Parsed['catalog'];
}

declare const __VRAMGATE_VERSION__: string;
