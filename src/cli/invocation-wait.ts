import { monotonic, sleep } from '../kit/index.ts';
import type { Asking } from './action.ts';
import { CliFailure } from './failure.ts';
import { getInvocation, type ToldDetail } from './invocation.ts';

const pollMs = 100;
/** A function may run on for long after its answer. */
const patienceMs = 60_000;

/** The record of a request whose answer has come, once its function is over too. @throws CliFailure when there is none in a minute */
export async function writtenRecord(asking: Pick<Asking, 'client'>, id: string): Promise<ToldDetail> {
  const begun = monotonic();
  for (;;) {
    try {
      const detail = await getInvocation(asking, id);
      const isOver = detail.outcome !== 'running' && (detail.instance === undefined || detail.instance.durationMs !== undefined);
      if (isOver || monotonic() - begun > patienceMs) return detail;
    } catch (error) {
      if (!(error instanceof CliFailure) || error.answer?.code !== 'NoSuchInvocation' || monotonic() - begun > patienceMs) throw error;
    }
    await sleep(pollMs);
  }
}
