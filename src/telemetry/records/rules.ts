import { type Facts, ruleOfEnding, told } from './endings.ts';
import type { SourceObject } from './port.ts';
import type { BrokenRule, ShownAttempt } from './record.ts';

type Judge = (facts: Facts, source: (() => SourceObject | undefined) | undefined) => BrokenRule | undefined;

/** A client that waits longer gives up: the vendor's Go SDK waits ten seconds for a head by default. */
export const patientMs = 10_000;
const connectionError =
  /connection ?refused|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|getaddrinfo|UnknownHost|name or service not known|name resolution|no such host|NewConnectionError|Max retries exceeded|RequestError: .*(connect|Connection)|ConnectTimeout|NoRouteToHost|Network is unreachable/i;
const imfDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function refusedAttempt({ attempts }: Facts, fits: (attempt: ShownAttempt) => boolean): ShownAttempt | undefined {
  return attempts.find((attempt) => attempt.outcome === 'refused' && fits(attempt));
}

/** A forwarded header as it was received. */
function forwarded({ received }: ShownAttempt, name: string): string | undefined {
  return received.find(([each]) => each.toLowerCase().replace(/^x-oss-fwd-header-/, '') === name)?.[1];
}

const noGrant: Judge = (facts) => {
  const attempt = refusedAttempt(facts, ({ code, message }) => code === 'AccessDenied' && /oss:WriteGetObjectResponse/.test(message ?? ''));
  return (
    attempt && {
      id: 'no-grant',
      rule: 'The role of the function must allow oss:WriteGetObjectResponse.',
      fix: 'Attach a policy that allows oss:WriteGetObjectResponse on * to the execution role of the function; AliyunFCDefaultRole has one.',
      evidence: `WriteGetObjectResponse was answered ${told(attempt)}`,
    }
  );
};

const tokenAgain: Judge = (facts) => {
  const attempt = refusedAttempt(facts, ({ message = '' }) => /x-oss-request-token (was already used|expired|is being used)/.test(message));
  return (
    attempt && {
      id: 'token-again',
      rule: 'A token answers one GetObject once, and only until its deadline.',
      fix: 'Call WriteGetObjectResponse once for each event, do not repeat it after 200, and not after the function returned.',
      evidence: told(attempt),
    }
  );
};

const foreignToken: Judge = (facts) => {
  const attempt = refusedAttempt(facts, ({ message = '' }) => /belongs to another function/.test(message));
  return (
    attempt && {
      id: 'foreign-token',
      rule: 'Only the function that was given the event may answer it.',
      fix: 'Sign WriteGetObjectResponse with context.credentials of this invocation.',
      evidence: told(attempt),
    }
  );
};

const badSignature: Judge = (facts) => {
  const attempt = refusedAttempt(facts, ({ code = '' }) => /Signature|AccessKeyId|SecurityToken|Expired|TimeTooSkewed/.test(code));
  return (
    attempt && {
      id: 'bad-credentials',
      rule: 'WriteGetObjectResponse is signed in the Authorization header with all three parts of the credentials of the invocation.',
      fix: 'Give the SDK access key id, secret and security token of context.credentials, anew in each invocation.',
      evidence: told(attempt),
    }
  );
};

const shortJava: Judge = (facts) => {
  if (!facts.called?.runtime.startsWith('java') || facts.request.method === 'HEAD') return undefined;
  const attempt = facts.attempts.find(
    ({ outcome, bytes, code, status }) => (outcome === 'taken' && bytes === 0 && status === '200') || code === 'IncompleteBody',
  );
  return (
    attempt && {
      id: 'java-available',
      rule: 'The Java SDK declares as many bytes as available() of the stream says, which for a network stream is not its length.',
      fix: 'Read the whole body into a byte array, and hand over a ByteArrayInputStream.',
      evidence: attempt.code === undefined ? 'The answer was 200 with an empty body.' : told(attempt),
    }
  );
};

const halfBody: Judge = (facts) => {
  const attempt = refusedAttempt(facts, ({ code = '' }) => ['IncompleteBody', 'InvalidDigest', 'RequestTimeout'].includes(code));
  return (
    attempt && {
      id: 'half-body',
      rule: 'The body of an answer must come whole: as many bytes as it declares, and those that its Content-MD5 stands for.',
      fix: 'Send the body to its end before the function returns, without a declared length when it is not known.',
      evidence: `${told(attempt)} (${attempt.bytes} bytes came)`,
    }
  );
};

const badArgument: Judge = (facts) => {
  const attempt = refusedAttempt(facts, ({ code = '' }) => /Argument|MissingContentLength|InvalidRequest|InvalidURI/.test(code));
  return (
    attempt && {
      id: 'bad-argument',
      rule: 'WriteGetObjectResponse wants x-oss-request-route, x-oss-request-token and a permitted x-oss-fwd-status.',
      fix: 'Pass outputRoute and outputToken of the event as they are, and one of the documented statuses.',
      evidence: told(attempt),
    }
  );
};

const deniedRead: Judge = (facts) => {
  const read = facts.reads.find(({ status }) => status >= 400);
  if (!read || facts.outcome === 'answered') return undefined;
  return {
    id: read.status === 403 ? 'read-denied' : 'read-failed',
    rule: 'The function reads the original with the URL of the event while it runs, or with a role that may.',
    fix:
      read.status === 403
        ? 'Read inputOssUrl as it is, without further headers that would need a signature; for other objects grant the role oss:GetObject.'
        : 'See that the object is there; the function should answer x-oss-fwd-status 404 itself when it is not.',
    evidence: `${read.operation} ${read.resource}: ${read.status} ${read.code ?? ''}`.trim(),
  };
};

const wrongHost: Judge = (facts) => {
  if (facts.outcome === 'answered' || facts.attempts.some(({ outcome }) => outcome === 'taken')) return undefined;
  const failure = facts.instance?.failure?.message;
  const line = [...facts.lines, ...(failure === undefined ? [] : [failure])].find((each) => connectionError.test(each));
  return line === undefined
    ? undefined
    : {
        id: 'wrong-host',
        rule: 'WriteGetObjectResponse goes to the outputRoute of the event, and the original is at inputOssUrl; no other host is asked.',
        fix: 'Use event.getObjectContext.outputRoute as the endpoint of the OSS client, and inputOssUrl as it is.',
        evidence: line,
      };
};

const checksumOfSource: Judge = (facts, source) => {
  for (const attempt of facts.attempts) {
    for (const { header, reason } of attempt.changed) {
      const name = header.toLowerCase();
      if (!['etag', 'x-oss-hash-crc64ecma', 'content-md5'].includes(name)) continue;
      const value = forwarded(attempt, name)?.replaceAll('"', '') ?? '';
      const head = source?.();
      const same = head !== undefined && (value === head.crc64 || value.toLowerCase() === head.etag.toLowerCase());
      return {
        id: same ? 'checksum-of-source' : 'false-checksum',
        rule: 'A checksum that is forwarded must be that of the bytes of the answer.',
        fix: same
          ? 'It is the checksum of the original, whose bytes the function replaced: do not forward it.'
          : 'Do not forward it, or compute it over the bytes that are sent.',
        evidence: `${header}: ${value} (${reason})`,
      };
    }
  }
  return undefined;
};

const badDate: Judge = ({ attempts }) => {
  for (const attempt of attempts) {
    for (const name of ['last-modified', 'expires', 'date']) {
      const value = forwarded(attempt, name);
      const isForwarded = attempt.received.some(([each]) => each.toLowerCase() === `x-oss-fwd-header-${name}`) || attempt.requestId === '';
      if (value === undefined || !isForwarded || imfDate.test(value)) continue;
      return {
        id: 'date-form',
        rule: 'Dates in headers have the form "Sun, 06 Nov 1994 08:49:37 GMT"; SDKs of Java and Python fail on others.',
        fix: `Forward ${name} in this form (IMF-fixdate), or leave it out.`,
        evidence: `${name}: ${value}`,
      };
    }
  }
  return undefined;
};

const slowHead: Judge = ({ phases }) => {
  const waited = phases.firstByte?.[1] ?? 0;
  if (waited <= patientMs) return undefined;
  return {
    id: 'slow-head',
    rule: 'Clients give up after a while without a head; the Go SDK does after ten seconds, and asks again.',
    fix: 'Keep instances warm (provisioned instances), start to answer earlier, or give clients a longer timeout.',
    evidence: `The head left ${Math.round(waited)} ms after the request came in.`,
  };
};

const range: Judge = (facts) => {
  const header = facts.request.headers.find(([name]) => name.toLowerCase() === 'range');
  if (!header || facts.outcome === 'answered' || !/GetObject-Range|Range/.test(facts.message ?? '')) return undefined;
  return {
    id: 'range-not-allowed',
    rule: 'A range is handed to the function only when the Object FC access point allows the feature GetObject-Range.',
    fix: 'Add GetObject-Range to AllowedFeatures and let the function answer 206, or ask without a Range header.',
    evidence: `Range: ${header[1]}`,
  };
};

const judges: readonly Judge[] = [noGrant, foreignToken, badSignature, shortJava, halfBody, badArgument, deniedRead, wrongHost, range];
/** What is worth a remark though the client got its answer. */
const remarks: readonly Judge[] = [tokenAgain, checksumOfSource, badDate, slowHead];

/** The rules that a request broke, the most telling first; none for a request that went well. */
export function rulesOf(facts: Facts, source?: () => SourceObject | undefined): BrokenRule[] {
  const found: BrokenRule[] = [];
  for (const judge of [...judges, ...remarks]) {
    const broken = judge(facts, source);
    if (broken) found.push(broken);
  }
  if (facts.outcome === 'answered') return found;
  const general = ruleOfEnding(facts);
  // A crash says less than the reason that it has.
  return general && !found.some(({ id }) => id === general.id) ? [...found, general] : found;
}
