import { type Finding, finding } from '../findings.ts';
import { closeCall } from '../plan/asked.ts';
import { releaseFindings } from '../plan/plan.ts';
import { refusalText } from '../plan/texts.ts';
import type { Judged } from '../plan/types.ts';
import { engineProfile } from '../sizing/engines/registry.ts';

/** What a size answer has to say beside its figures. Paths are options of the command line. */
export function sizeFindings(judged: Judged): readonly Finding[] {
  return [...fitFindings(judged), ...releaseFindings(judged.intent, ['--model']), ...assumptions(judged)];
}

/** The middle decides here (contract §3); the low end alone would not refuse in the webhook, and is called close. */
function fitFindings(judged: Judged): readonly Finding[] {
  const { fit, intent } = judged;
  if (fit === null || fit.fits) return closeCall(judged, ['--gpu']);
  const found = fit.fitsAtLow ? closeCall(judged, ['--gpu']) : [];
  const spills = engineProfile(intent.engine, intent.engineVersion)?.spills === true;
  const text = refusalText(judged);
  return spills && intent.workload === 'inference'
    ? [finding('spills-to-cpu', ['--gpu'], `${text}; the engine will run the rest on the CPU`)]
    : [finding('does-not-fit', ['--gpu'], text), ...found];
}

function assumptions({ bill }: Judged): readonly Finding[] {
  return (bill?.assumptions ?? []).map((one) =>
    finding('assumed-costlier', one.settledBy === null ? [] : [one.settledBy], one.text),
  );
}
