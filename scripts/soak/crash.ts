import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crashRounds } from '../../test/security/crash.ts';

const roundsAtOnce = 50;

/** Kills servers on folders of their own at `rounds` random moments under a write load; false when an acknowledged write was lost. */
export async function crashes(rounds: number): Promise<boolean> {
  let orphans = 0;
  let acknowledged = 0;
  for (let done = 0; done < rounds; ) {
    const seed = Math.floor(Math.random() * 1e9);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-soak-'));
    try {
      const result = await crashRounds(join(folder, 'data'), Math.min(roundsAtOnce, rounds - done), seed);
      done += result.rounds;
      acknowledged += result.acknowledged;
      orphans += result.orphans;
      process.stdout.write(`crash: ${done} kills, ${acknowledged} acknowledged writes, ${result.lost.length} lost, ${orphans} orphans\n`);
      for (const what of result.lost) process.stdout.write(`  seed ${seed}: ${what}\n`);
      if (result.lost.length > 0) return false;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return true;
}
