import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../io.ts';

/** Files that somebody names on a command line. */

const MAX_FILES = 10_000;
const MANIFEST = /\.(?:ya?ml|json)$/;

function reason(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}

/** Opened without blocking: a pipe that nobody writes to would hold the command for ever. */
async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${reason(error)}`);
  }
}

/**
 * The text of a regular file of at most `maxBytes`.
 * @throws UsageError for anything else: a pipe, a device, a folder, a file that is too large or not UTF-8.
 */
export async function readRegularFile(file: string, maxBytes: number): Promise<string> {
  const handle = await openFile(file);
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new UsageError(`${file}: not a regular file`);
    if (info.size > maxBytes) throw new UsageError(`${file}: larger than ${maxBytes / (1024 * 1024)} MiB`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const isText = !(error instanceof TypeError);
    throw new UsageError(isText ? `${file} cannot be read: ${reason(error)}` : `${file}: not UTF-8 text`);
  } finally {
    await handle.close();
  }
}

/**
 * The manifests that a name stands for: the file itself, or what a folder holds at any depth. Links to files are
 * read and links to folders are not followed, as kubectl does it, so that no cycle can be walked.
 */
export async function manifestFiles(name: string): Promise<readonly string[]> {
  const info = await stat(name).catch(() => {
    throw new UsageError(`${name}: no such file or directory`);
  });
  if (!info.isDirectory()) return [name];
  const entries = await readdir(name, { recursive: true, withFileTypes: true });
  const named = entries.filter((entry) => !entry.isDirectory() && MANIFEST.test(entry.name));
  const files: string[] = [];
  for (const entry of named) {
    const file = join(entry.parentPath, entry.name);
    const isFolder = entry.isSymbolicLink() && (await stat(file).catch(() => null))?.isDirectory() === true;
    if (!isFolder) files.push(file);
  }
  if (files.length > MAX_FILES) throw new UsageError(`${name}: more than ${MAX_FILES} manifests`);
  return files.sort();
}
