import type { AuditRecord } from '../../observe/record-schema.ts';
import { objectName } from '../../observe/record-words.ts';
import { plain } from '../../plan/message.ts';

/**
 * Who asked for what, and how many GPUs it was about. The validating webhook gives the verdict, so its records are
 * counted (and those of `check`); what the mutating one filled in is in its own. Dry runs are counted apart.
 */
export interface Summary {
  readonly from: string | null;
  readonly to: string | null;
  readonly reviews: number;
  readonly dryRuns: number;
  readonly verdicts: readonly Count[];
  readonly codes: readonly Count[];
  readonly models: readonly Count[];
  readonly users: readonly Party[];
  readonly namespaces: readonly Party[];
  /** Denied: GPUs that pods which cannot run would have held. */
  readonly refused: Gpus;
  /** Let in by mode or policy although the rules refuse. */
  readonly toleratedMisfits: Gpus;
  /** GPUs that the webhook filled in where none were asked for. */
  readonly filledIn: Gpus;
  /** Asked for, but not used by the engine's flags: what could be saved. */
  readonly unused: Gpus;
}

export interface Count {
  readonly name: string;
  readonly count: number;
}

export interface Party {
  readonly name: string;
  readonly reviews: number;
  readonly refused: number;
}

/** Each object once, with the most GPUs that it was about, all replicas together. */
export interface Gpus {
  readonly objects: number;
  readonly gpus: number;
}

// A log may hold any number of names: beyond these many, the rest is counted under one name.
const MAX_NAMES = 10_000;
const MAX_OBJECTS = 100_000;
const REST = '(others)';

function countUp(counts: Map<string, number>, name: string): void {
  const key = counts.has(name) || counts.size < MAX_NAMES ? name : REST;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

class Tallied {
  readonly reviews = new Map<string, number>();
  readonly refused = new Map<string, number>();

  add(name: string, isRefused: boolean): void {
    countUp(this.reviews, name);
    if (isRefused) countUp(this.refused, name);
  }

  parties(): readonly Party[] {
    return ranked(this.reviews).map(({ name, count }) => ({
      name,
      reviews: count,
      refused: this.refused.get(name) ?? 0,
    }));
  }
}

class GpuCount {
  readonly #objects = new Map<string, number>();
  #beyond: Gpus = { objects: 0, gpus: 0 };

  add(record: AuditRecord, perReplica: number): void {
    const gpus = perReplica * (record.replicas ?? 1);
    const key = objectName(record);
    const before = this.#objects.get(key);
    if (before === undefined && this.#objects.size >= MAX_OBJECTS) {
      this.#beyond = { objects: this.#beyond.objects + 1, gpus: this.#beyond.gpus + gpus };
    } else this.#objects.set(key, Math.max(before ?? 0, gpus));
  }

  total(): Gpus {
    const gpus = [...this.#objects.values()].reduce((sum, one) => sum + one, 0);
    return { objects: this.#objects.size + this.#beyond.objects, gpus: gpus + this.#beyond.gpus };
  }
}

function ranked(counts: ReadonlyMap<string, number>): readonly Count[] {
  return Array.from(counts, ([name, count]) => ({ name, count })).toSorted(
    (one, other) => other.count - one.count || one.name.localeCompare(other.name, 'en'),
  );
}

/** Takes records one at a time; memory grows with the names seen, up to the limits above. */
export class Summarizer {
  readonly #verdicts = new Map<string, number>();
  readonly #codes = new Map<string, number>();
  readonly #models = new Map<string, number>();
  readonly #users = new Tallied();
  readonly #namespaces = new Tallied();
  readonly #refused = new GpuCount();
  readonly #tolerated = new GpuCount();
  readonly #filledIn = new GpuCount();
  readonly #unused = new GpuCount();
  #reviews = 0;
  #dryRuns = 0;
  #from: string | null = null;
  #to: string | null = null;

  add(record: AuditRecord): void {
    if (this.#from === null || record.time < this.#from) this.#from = record.time;
    if (this.#to === null || record.time > this.#to) this.#to = record.time;
    if (record.dryRun) {
      if (record.webhook !== 'mutate') this.#dryRuns += 1;
    } else if (record.webhook === 'mutate') this.#addEdited(record);
    else this.#addJudged(record);
  }

  #addEdited(record: AuditRecord): void {
    const { requestedGpus, plannedGpus, patchPaths } = record;
    if (requestedGpus === null && plannedGpus !== null && patchPaths.length > 0) {
      this.#filledIn.add(record, plannedGpus);
    }
  }

  #addJudged(record: AuditRecord): void {
    const { verdict, subject, model, allowed, requestedGpus, plannedGpus, findings, parallel } = record;
    this.#reviews += 1;
    countUp(this.#verdicts, verdict);
    for (const code of new Set(findings.map((one) => one.code))) countUp(this.#codes, code);
    if (model !== null) countUp(this.#models, model);
    this.#users.add(subject.user ?? '-', !allowed);
    this.#namespaces.add(subject.namespace ?? '-', !allowed);
    const gpus = requestedGpus ?? plannedGpus ?? 0;
    if (!allowed) this.#refused.add(record, gpus);
    else if (verdict === 'deny') this.#tolerated.add(record, gpus);
    if (findings.some(({ code }) => code === 'unused-gpus') && requestedGpus !== null && parallel !== null) {
      this.#unused.add(record, requestedGpus - parallel.tensor * parallel.pipeline * parallel.data);
    }
  }

  summary(): Summary {
    return {
      from: this.#from,
      to: this.#to,
      reviews: this.#reviews,
      dryRuns: this.#dryRuns,
      verdicts: ranked(this.#verdicts),
      codes: ranked(this.#codes),
      models: ranked(this.#models),
      users: this.#users.parties(),
      namespaces: this.#namespaces.parties(),
      refused: this.#refused.total(),
      toleratedMisfits: this.#tolerated.total(),
      filledIn: this.#filledIn.total(),
      unused: this.#unused.total(),
    };
  }
}

const SHOWN = 10;

function countLines(title: string, counts: readonly Count[]): readonly string[] {
  if (counts.length === 0) return [];
  const lines = counts.slice(0, SHOWN).map(({ name, count }) => `  ${String(count).padStart(7)}  ${name}`);
  return ['', title, ...lines, ...moreLine(counts.length)];
}

function partyLines(title: string, parties: readonly Party[]): readonly string[] {
  if (parties.length === 0) return [];
  const lines = parties
    .slice(0, SHOWN)
    .map(
      ({ name, reviews, refused }) =>
        `  ${String(reviews).padStart(7)}  ${String(refused).padStart(7)}  ${name}`,
    );
  return ['', title, ...lines, ...moreLine(parties.length)];
}

function moreLine(length: number): readonly string[] {
  return length > SHOWN ? [`           and ${length - SHOWN} more; -o json has all`] : [];
}

function gpuLine(what: string, { objects, gpus }: Gpus): string {
  return `  ${String(gpus).padStart(7)}  ${what} (${objects} object${objects === 1 ? '' : 's'})`;
}

export function summaryText(summary: Summary): string {
  const { from, to, reviews, dryRuns } = summary;
  const lines = [
    `${reviews} reviews and ${dryRuns} dry runs${from === null ? '' : `, from ${from} to ${to ?? ''}`}`,
    ...countLines('verdicts, before the mode', summary.verdicts),
    ...countLines('findings', summary.codes),
    ...countLines('models', summary.models),
    ...partyLines('users: reviews, refused', summary.users),
    ...partyLines('namespaces: reviews, refused', summary.namespaces),
    '',
    'GPUs, all replicas, each object once',
    gpuLine('refused: pods that cannot run would have held them', summary.refused),
    gpuLine('let in by mode or policy although they do not fit', summary.toleratedMisfits),
    gpuLine('filled in where none were asked for', summary.filledIn),
    gpuLine('asked for, and not used by the flags of the engine', summary.unused),
  ];
  return `${lines.map((line) => plain(line)).join('\n')}\n`;
}
