/**
 * What two spellings of a name have in common. Case is never meant, and GPU names come with blanks (NVML), hyphens
 * (GFD) and underscores (AMD, CoreWeave) for the same part (gpu-catalog.md §1.1, §3.1).
 */
export function nameKey(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-');
}
