// The build parses data/*.yaml through parse.ts and puts the result in as JSON: neither yaml nor zod is loaded for it.
export { builtinCatalog } from 'catalog:builtin';
