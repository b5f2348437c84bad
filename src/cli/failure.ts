/** What a command line ends with: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 the server cannot be reached, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** Ends a command with a message for people, and what to do next. */
export class CliFailure extends Error {
  readonly exitCode: ExitCode;
  readonly next: string | undefined;
  /** The error code and request id of the server's answer, for scripts. */
  readonly answer: { readonly code: string; readonly requestId: string } | undefined;

  constructor(exitCode: ExitCode, message: string, options: { next?: string | undefined; answer?: CliFailure['answer'] } = {}) {
    super(message);
    this.exitCode = exitCode;
    this.next = options.next;
    this.answer = options.answer;
  }
}
