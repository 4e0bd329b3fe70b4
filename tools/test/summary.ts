// Runs tiers one after the other and sums up. A tier that did not run, or found nothing to run, is a failure by its
// name: what was not tested never looks like what passed.

/** What a tier found out. `failures` and `skipped` hold names that a person can search for. */
export interface TierResult {
  readonly passed: number;
  readonly failures: readonly string[];
  readonly skipped: readonly string[];
}

export interface Tier {
  readonly name: string;
  /** What takes minutes to make: begun with the first tier, at low priority, and ended before this one runs. */
  readonly prepare?: () => Promise<void>;
  /** Runs it, showing its progress. Rejects when it cannot run at all. */
  readonly run: () => Promise<TierResult>;
}

export interface Summary {
  readonly ok: boolean;
  /** `N passed, N failed`, and `, N skipped` when there are any. */
  readonly line: string;
}

/** Runs `tiers` in order, each with a headline and its duration, then lists by name what failed and what was skipped. */
export async function runTiers(tiers: readonly Tier[], print: (text: string) => void): Promise<Summary> {
  const results: TierResult[] = [];
  const begun = tiers.map((tier) => {
    const ready = tier.prepare?.();
    // If it fails, the tier that it is for says so.
    ready?.catch(() => undefined);
    return { tier, ready };
  });
  for (const { tier, ready } of begun) {
    print(`\n== ${tier.name}`);
    const started = performance.now();
    const result = await settle(tier, ready);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    print(`== ${tier.name}: ${countLine(result)} in ${seconds} s`);
    results.push(result);
  }
  const total: TierResult = {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    failures: results.flatMap((result) => result.failures),
    skipped: results.flatMap((result) => result.skipped),
  };
  print("");
  for (const name of total.skipped) print(`skipped: ${name}`);
  for (const name of total.failures) print(`FAILED: ${name}`);
  return { ok: total.failures.length === 0 && total.passed > 0, line: countLine(total) };
}

async function settle(tier: Tier, ready: Promise<void> | undefined): Promise<TierResult> {
  try {
    await ready;
    const result = await tier.run();
    const count = result.passed + result.failures.length + result.skipped.length;
    return count > 0 ? result : failed(`${tier.name}: found nothing to run`);
  } catch (error) {
    return failed(`${tier.name}: did not run: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A result of one failure. */
export function failed(name: string): TierResult {
  return { passed: 0, failures: [name], skipped: [] };
}

function countLine({ passed, failures, skipped }: TierResult): string {
  const counts = [`${passed} passed`, `${failures.length} failed`];
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  return counts.join(", ");
}
