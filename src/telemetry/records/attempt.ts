import { type Arena, monotonic } from '../../kit/index.ts';
import { isSecretName, masked, maskedRaw } from './masks.ts';
import type { AttemptHead, AttemptRecord, HeaderPairs, ToldFault } from './port.ts';
import type { ChangedHeader, ShownAttempt } from './record.ts';
import { addQuoted, rounded } from './texts.ts';

const mostChanged = 100;

/** One attempt to answer while it goes on, and until it is written. */
export class AttemptBuilder implements AttemptRecord {
  readonly head: AttemptHead;
  readonly piece: ((chunk: Buffer) => void) | undefined;
  bytes = 0;
  outcome: ShownAttempt['outcome'] = 'open';
  sentStatus: number | undefined;
  readonly #at: number = monotonic();
  #over: number | undefined;
  #sent: HeaderPairs = [];
  #changed: ChangedHeader[] | undefined;
  #fault: ToldFault | undefined;

  constructor(head: AttemptHead, piece: ((chunk: Buffer) => void) | undefined) {
    this.head = head;
    this.piece = piece;
  }

  dropped(header: string, reason: string): void {
    this.#change({ header, reason });
  }

  corrected(header: string, instead: string, reason: string): void {
    this.#change({ header, reason, sent: isSecretName(header) ? '***' : instead });
  }

  #change(changed: ChangedHeader): void {
    this.#changed ??= [];
    if (this.#changed.length < mostChanged) this.#changed.push(changed);
  }

  sent(status: number, headers: HeaderPairs): void {
    this.sentStatus = status;
    this.#sent = headers;
  }

  taken(): void {
    this.#over = monotonic();
    this.outcome = 'taken';
  }

  refused(fault: ToldFault): void {
    this.#over = monotonic();
    this.outcome = 'refused';
    this.#fault = fault;
  }

  /** Headers that were dropped or corrected. */
  get changes(): number {
    return this.#changed?.length ?? 0;
  }

  /**
   * @param zero monotonic milliseconds at which the request came in
   * @param brief without headers
   */
  shown(zero: number, brief: boolean): ShownAttempt {
    const { head } = this;
    return {
      requestId: head.requestId,
      atMs: rounded(this.#at - zero),
      ...(this.#over === undefined ? {} : { ms: rounded(this.#over - this.#at) }),
      ...(head.status === undefined ? {} : { status: head.status }),
      received: brief ? [] : maskedRaw(head.rawHeaders),
      ...(this.sentStatus === undefined ? {} : { forwarded: { status: this.sentStatus, headers: brief ? [] : masked(this.#sent) } }),
      changed: this.#changed ?? [],
      bytes: this.bytes,
      outcome: this.outcome,
      ...(this.#fault ? { code: this.#fault.code, message: this.#fault.message } : {}),
    };
  }

  /** Adds JSON of the same, brief, of one that was taken and changed nothing. */
  addBrief(arena: Arena, zero: number): void {
    const { requestId, status } = this.head;
    arena
      .add('{"requestId":"')
      .add(requestId)
      .add('","atMs":')
      .addRounded(this.#at - zero);
    if (this.#over !== undefined) arena.add(',"ms":').addRounded(this.#over - this.#at);
    if (status !== undefined) addQuoted(arena.add(',"status":'), status);
    arena.add(',"received":[]');
    if (this.sentStatus !== undefined) arena.add(',"forwarded":{"status":').addRounded(this.sentStatus).add(',"headers":[]}');
    arena.add(',"changed":[],"bytes":').addRounded(this.bytes).add(',"outcome":"').add(this.outcome).add('"}');
  }
}
