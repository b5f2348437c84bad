import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InvocationDetail, ShownAttempt } from './record.ts';
import { rulesOf } from './rules.ts';

type Facts = Omit<InvocationDetail, 'rules'>;

const attempt = (more: Partial<ShownAttempt>): ShownAttempt => ({
  ...{ requestId: 'W1', atMs: 5, status: '200', received: [], changed: [], bytes: 10, outcome: 'taken' },
  ...more,
});

function facts(more: Partial<Facts> = {}, code?: string, message = ''): Facts {
  return {
    ...{ id: 'R1', at: 0, outcome: code ?? 'answered', status: code ? 500 : 200, accessPoint: 'p', function: 'f', bucket: 'b', key: 'k' },
    ...{ totalMs: 10, cold: false, answers: [], alias: 'a', supporting: { name: 's', alias: 's' }, lines: [], reads: [], attempts: [] },
    ...{
      leftOut: { reads: 0, attempts: 0, lines: 0 },
      phases: {},
      caller: { kind: 'Account', accountId: '1', arn: 'a', accessKeyId: 'k' },
    },
    request: { method: 'GET', url: 'http://h/a/k', headers: [] },
    called: {
      ...{ name: 'f', arn: 'arn', qualifier: 'LATEST', versionId: '', revision: '', runtime: 'python3.10', handler: 'index.handler' },
      ...{ timeoutMs: 3_000, memoryMb: 128 },
    },
    ...(code === undefined ? {} : { code, message }),
    ...more,
  };
}

const java = { ...facts().called, runtime: 'java11' } as Facts['called'];
const refused = (code: string, message: string, more: Partial<ShownAttempt> = {}) =>
  attempt({ outcome: 'refused', code, message, ...more });
const source = () => ({ etag: 'ABCDEF', crc64: '123', size: 10 });
const failure = (kind: string, message: string) => ({ instance: { id: 'i', cold: false, failure: { kind, message } } });

const cases: [name: string, rule: string | undefined, facts: Facts][] = [
  ['a request that went well', undefined, facts({ attempts: [attempt({})] })],
  ['no answer', 'no-write-response', facts({}, 'FunctionResponseMissing')],
  [
    'no grant',
    'no-grant',
    facts(
      { attempts: [refused('AccessDenied', 'x is not allowed to oss:WriteGetObjectResponse on *: no statement allows it')] },
      'FunctionResponseMissing',
    ),
  ],
  [
    'token used twice',
    'token-again',
    facts({ attempts: [attempt({}), refused('AccessDenied', 'x-oss-request-token was already used; a token answers one')] }),
  ],
  [
    'token of another function',
    'foreign-token',
    facts({ attempts: [refused('AccessDenied', 'x-oss-request-token belongs to another function.')] }, 'FunctionResponseMissing'),
  ],
  ['bad signature', 'bad-credentials', facts({ attempts: [refused('SignatureDoesNotMatch', 'no')] }, 'FunctionResponseMissing')],
  [
    'wrong host, in the log',
    'wrong-host',
    facts({ lines: ['requests: HTTPConnectionPool: Max retries exceeded'] }, 'FunctionInvocationError'),
  ],
  ['wrong host, in the error', 'wrong-host', facts(failure('raised', 'connect ECONNREFUSED 127.0.0.1:1'), 'FunctionInvocationError')],
  [
    'CRC of the source',
    'checksum-of-source',
    facts({
      attempts: [
        attempt({
          received: [['x-oss-fwd-header-x-oss-hash-crc64ecma', '123']],
          changed: [{ header: 'x-oss-hash-crc64ecma', reason: 'false' }],
        }),
      ],
    }),
  ],
  [
    'ETag of the source',
    'checksum-of-source',
    facts({
      attempts: [attempt({ received: [['x-oss-fwd-header-ETag', '"abcdef"']], changed: [{ header: 'etag', reason: 'false', sent: 'x' }] })],
    }),
  ],
  [
    'another false checksum',
    'false-checksum',
    facts({ attempts: [attempt({ received: [], changed: [{ header: 'content-md5', reason: 'false' }] })] }),
  ],
  ['empty answer of Java', 'java-available', facts({ called: java, attempts: [attempt({ bytes: 0 })] })],
  [
    'short answer of Java',
    'java-available',
    facts({ called: java, attempts: [refused('IncompleteBody', 'fewer')] }, 'FunctionResponseMissing'),
  ],
  ['half a body', 'half-body', facts({ attempts: [refused('IncompleteBody', 'broke off')] }, 'FunctionInvocationError')],
  [
    'unreadable date',
    'date-form',
    facts({ attempts: [attempt({ received: [['x-oss-fwd-header-Last-Modified', '2026-01-01T00:00:00Z']] })] }),
  ],
  ['bad status', 'bad-argument', facts({ attempts: [refused('InvalidArgument', 'x-oss-fwd-status must be')] }, 'FunctionResponseMissing')],
  ['slow head', 'slow-head', facts({ phases: { firstByte: [5, 10_500] }, attempts: [attempt({})] })],
  [
    'range that is not allowed',
    'range-not-allowed',
    facts(
      { request: { method: 'GET', url: '', headers: [['Range', 'bytes=0-1']] } },
      'InvalidRequest',
      'Range needs the feature GetObject-Range.',
    ),
  ],
  ['deadline', 'deadline', facts(failure('timeout', 'timed out'), 'FunctionTimeout')],
  ['crash', 'crash', facts(failure('exited', 'exit code 3'), 'FunctionInvocationError')],
  ['exception', 'raised', facts(failure('raised', 'boom'), 'FunctionInvocationError')],
  ['memory', 'out-of-memory', facts(failure('out-of-memory', 'too much'), 'FunctionInvocationError')],
  ['handler absent', 'handler-absent', facts(failure('raised', "No module named 'nothing'"), 'FunctionInvocationError')],
  ['throttled', 'throttled', facts({}, 'FunctionThrottled')],
  ['no function', 'function-not-found', facts({}, 'FunctionNotFound')],
  ['role may not invoke', 'may-not-invoke', facts({}, 'FunctionAccessDenied')],
  ['client left', 'client-left', facts({ outcome: 'abandoned' })],
  ['broken answer', 'broken-answer', facts({ outcome: 'failed' })],
  [
    'denied read',
    'read-denied',
    facts(
      {
        reads: [
          {
            requestId: 'r',
            atMs: 1,
            operation: 'GetObject',
            resource: 'a/b',
            status: 403,
            bytes: 1,
            ms: 1,
            complete: true,
            code: 'AccessDenied',
          },
        ],
      },
      'FunctionInvocationError',
    ),
  ],
  ['limit of an access point', 'throttled', facts({}, 'SlowDown', 'The access point has too many requests at work.')],
  ['anything else', 'error', facts({}, 'InternalError', 'We did not expect that.')],
];

for (const [name, rule, given] of cases) {
  test(`${name}: ${rule ?? 'no rule is broken'}`, () => {
    const [first] = rulesOf(given, source);
    assert.equal(first?.id, rule);
    if (!first) return;
    for (const text of [first.rule, first.fix, first.evidence]) assert.ok(text.length > 5, text);
  });
}
