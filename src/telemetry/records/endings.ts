import type { BrokenRule, InvocationDetail } from './record.ts';

/** What rules are judged by. */
export type Facts = Omit<InvocationDetail, 'rules'>;

const absentHandler =
  /HandlerNotFound|was not found|No module named|has no attribute|cannot be imported|Cannot find module|is not a function|ModuleNotFound|ClassNotFound|NoSuchMethod/i;

/** An error as it was told. */
export function told({ code, message }: { code?: string; message?: string }): string {
  return `${code}: ${message}`;
}

function lastLine({ lines }: Facts): string {
  const line = lines.at(-1);
  return line === undefined ? 'The function printed nothing.' : `Last line: ${line}`;
}

const throttled = {
  id: 'throttled',
  rule: 'Only so many requests run, and wait, at once.',
  fix: 'Raise the limit that the message names, or instanceConcurrency of the function; clients should wait as Retry-After says.',
};

/** By the code that the client was sent, once nothing more telling was found. */
const byCode: Record<string, (facts: Facts) => Omit<BrokenRule, 'evidence'> & { evidence?: string }> = {
  FunctionResponseMissing: () => ({
    id: 'no-write-response',
    rule: 'The function must call WriteGetObjectResponse before it finishes; what it returns is not the answer.',
    fix: 'For Python: bucket.write_get_object_response(route, token, "200", {}, body), with outputRoute and outputToken of the event.',
  }),
  FunctionTimeout: (facts) => ({
    id: 'deadline',
    rule: `The function must answer within its timeout (${facts.called?.timeoutMs ?? 0} ms).`,
    fix: 'Raise the timeout of the function, or begin to answer earlier: once bytes flow there is no limit.',
    evidence: `${facts.message ?? ''} ${lastLine(facts)}`.trim(),
  }),
  FunctionInvocationError: (facts) => {
    const failure = facts.instance?.failure;
    const said = `${facts.message ?? ''} ${failure?.message ?? ''}`;
    if (absentHandler.test(said)) {
      return {
        id: 'handler-absent',
        rule: `The handler must be in the package (${facts.called?.handler ?? 'handler'}).`,
        fix: 'Set the handler of the function to what the package holds, and put the packages that it imports into it.',
        evidence: said.trim(),
      };
    }
    if (failure?.kind === 'out-of-memory') {
      return {
        id: 'out-of-memory',
        rule: `The function must do with its memory (${facts.called?.memoryMb ?? 0} MB).`,
        fix: 'Raise memorySize, or work on the body piece by piece.',
        evidence: `${failure.message} ${lastLine(facts)}`,
      };
    }
    return {
      id: failure?.kind === 'exited' ? 'crash' : failure?.kind === 'initializer' ? 'not-started' : 'raised',
      rule: 'A function that fails before it answers fails its request.',
      fix: 'Mend what the error names; to tell the client of an error, call WriteGetObjectResponse with an error status.',
      evidence: `${failure?.message ?? facts.message ?? ''} ${lastLine(facts)}`.trim(),
    };
  },
  FunctionThrottled: () => throttled,
  SlowDown: () => throttled,
  FunctionNotFound: () => ({
    id: 'function-not-found',
    rule: 'The function that the Object FC access point is bound to must exist.',
    fix: 'Deploy it, or bind another: sluice object-fc.',
  }),
  FunctionAccessDenied: () => ({
    id: 'may-not-invoke',
    rule: 'FunctionAssumeRoleArn of the Object FC access point must allow fc:InvokeFunction on the function.',
    fix: 'Attach a policy that does to that role, or name another role.',
  }),
  RecursiveInvocation: () => ({
    id: 'recursion',
    rule: 'A function must not read through its own Object FC access point, and a chain has at most three.',
    fix: 'Read inputOssUrl, which leads to the original.',
  }),
  InvalidRequest: () => ({
    id: 'not-configured',
    rule: 'An Object FC access point needs an ObjectProcessConfiguration.',
    fix: 'Set one with PutAccessPointConfigForObjectProcess: sluice object-fc.',
  }),
};

/** By how it ended where no error could be sent. */
const byOutcome: Record<string, (facts: Facts) => BrokenRule> = {
  abandoned: (facts) => ({
    id: 'client-left',
    rule: 'The client left before it had the whole answer.',
    fix: 'Answer earlier, or give the client more time.',
    evidence: `It left after ${Math.round(facts.totalMs)} ms.`,
  }),
  failed: (facts) => ({
    id: 'broken-answer',
    rule: 'An answer that breaks off behind its head is ended by a reset, so that nobody takes it for whole.',
    fix: 'See why the function stopped in the middle of its body.',
    evidence: `${facts.message ?? 'The body broke off.'} ${lastLine(facts)}`,
  }),
};

/** What is to be said of a request by how it ended, once nothing more telling was found. */
export function ruleOfEnding(facts: Facts): BrokenRule | undefined {
  const byEnd = Object.hasOwn(byOutcome, facts.outcome) ? byOutcome[facts.outcome]?.(facts) : undefined;
  if (byEnd) return byEnd;
  const { code, message } = facts;
  if (code === undefined) return undefined;
  const known = Object.hasOwn(byCode, code) ? byCode[code]?.(facts) : undefined;
  if (known) return { ...known, evidence: known.evidence ?? told({ code, message: message ?? '' }) };
  return {
    id: 'error',
    rule: `The request ended with ${code}.`,
    fix: 'The message of the error says what to do.',
    evidence: message ?? code,
  };
}
