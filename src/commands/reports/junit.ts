import { formatPath } from '../../findings.ts';
import { type Checked, type CheckReport, isRefused, nameOf } from '../judge.ts';

/** JUnit XML as CI systems read it: a suite for each file, a case for each object. */

// What XML 1.0 cannot hold even escaped (https://www.w3.org/TR/xml/#charsets), and what a terminal would obey.
const NOT_XML = /[^\P{Cc}\n\r\t]|[\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
  ['\n', '&#10;'],
  ['\r', '&#13;'],
  ['\t', '&#9;'],
]);

export function escapeXml(text: string): string {
  const plain = text.toWellFormed().replace(NOT_XML, '\ufffd');
  return plain.replace(/[&<>"'\n\r\t]/g, (character) => ENTITIES.get(character) ?? character);
}

function element(name: string, attributes: Readonly<Record<string, string | number>>, body: string): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  return body === '' ? `<${name}${pairs.join('')}/>` : `<${name}${pairs.join('')}>${body}</${name}>`;
}

function detailOf({ decision }: Checked): string {
  const findings = decision.findings.map((one) => `${one.code} at ${formatPath(one.path)}: ${one.message}`);
  const ways = decision.remedies.map(({ text }, index) => `way out ${index + 1}: ${text}`);
  return [...findings, ...ways].map((line) => `${escapeXml(line)}\n`).join('');
}

function caseOf(one: Checked, isStrict: boolean): string {
  const { manifest, decision } = one;
  const attributes = { classname: manifest.file, name: `${nameOf(one)} (line ${manifest.line})` };
  return element('testcase', attributes, resultOf(one, isStrict, decision.findings[0]?.message ?? ''));
}

function resultOf(one: Checked, isStrict: boolean, headline: string): string {
  const { decision } = one;
  const detail = detailOf(one);
  if (isRefused(one, isStrict))
    return element('failure', { type: decision.verdict, message: headline }, detail);
  if (decision.verdict === 'ignore') {
    return element('skipped', { message: headline === '' ? 'not a workload of ours' : headline }, '');
  }
  return detail === '' ? '' : element('system-out', {}, detail);
}

export function junitReport({ checked, unreadable, isStrict }: CheckReport): string {
  const files = [
    ...new Set([...checked.map((one) => one.manifest.file), ...unreadable.map((one) => one.file)]),
  ];
  const suites = files.map((file) => {
    const cases = checked.filter((one) => one.manifest.file === file);
    const broken = unreadable.filter((one) => one.file === file);
    const body = [
      ...broken.map(({ line, message }) =>
        element(
          'testcase',
          { classname: file, name: line === null ? 'file' : `document at line ${line}` },
          element('error', { type: 'unreadable', message }, ''),
        ),
      ),
      ...cases.map((one) => caseOf(one, isStrict)),
    ];
    const counts = {
      tests: body.length,
      failures: cases.filter((one) => isRefused(one, isStrict)).length,
      errors: broken.length,
      skipped: cases.filter((one) => !isRefused(one, isStrict) && one.decision.verdict === 'ignore').length,
    };
    return element('testsuite', { name: file, ...counts }, `\n${body.join('\n')}\n`);
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', { name: 'vramgate check' }, `\n${suites.join('\n')}\n`)}\n`;
}
