import { formatPath, type Severity } from '../../findings.ts';
import type { Facts } from '../../pipeline/types.ts';
import { plain } from '../../plan/message.ts';
import { type Checked, type CheckReport, effectOf, nameOf } from '../judge.ts';

/**
 * Workflow commands of GitHub Actions: one annotation a finding.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands; the escaping is that of
 * actions/toolkit packages/core/src/command.ts (escapeData, escapeProperty).
 */

const COMMANDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

function command(name: string, properties: Readonly<Record<string, string>>, message: string): string {
  const pairs = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(plain(value))}`);
  return `::${name} ${pairs.join(',')}::${escapeData(message.split('\n').map(plain).join('\n'))}\n`;
}

function annotations(checked: Checked, facts: Facts): readonly string[] {
  const { manifest, decision } = checked;
  const ways = decision.remedies.map(({ text }, index) => `\n${index + 1}. ${plain(text)}`).join('');
  return decision.findings.map((one, index) => {
    const effect = effectOf(one, checked, facts);
    const isFirstError =
      decision.findings.findIndex((each) => effectOf(each, checked, facts) === 'error') === index;
    const advice = isFirstError && ways !== '' ? `\nWays out, each checked:${ways}` : '';
    return command(
      COMMANDS[effect],
      {
        file: manifest.file,
        line: String(manifest.lineOf(one.path)),
        title: `${nameOf(checked)}: ${one.code}`,
      },
      `${plain(`${one.message} [${formatPath(one.path)}]`)}${advice}`,
    );
  });
}

export function githubReport({ checked, unreadable }: CheckReport, facts: Facts): string {
  const broken = unreadable.map(({ file, line, message }) =>
    command('error', { file, ...(line !== null && { line: String(line) }), title: 'unreadable' }, message),
  );
  return [...broken, ...checked.flatMap((one) => annotations(one, facts))].join('');
}
