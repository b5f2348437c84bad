import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { Arena, now, openOutgoing } from '../../kit/index.ts';
import { RecordBuilder } from './builder.ts';
import { type Span, SpanExport } from './spans.ts';

interface Body {
  resourceSpans: { resource: { attributes: { key: string }[] }; scopeSpans: { spans: Span[] }[] }[];
}

/** A receiver of traces on this machine. */
async function receiver(t: TestContext, status = 200) {
  const got: Body[] = [];
  const server = createServer(async (request, response) => {
    got.push((await json(request)) as Body);
    response.writeHead(status).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { got, allow: [`127.0.0.1:${port}`], url: `http://127.0.0.1:${port}/v1/traces` };
}

function recordOf(traceparent?: string): RecordBuilder {
  const point = { name: 'p', alias: 'a', arn: 'arn' };
  const record = new RecordBuilder(
    {
      ...{
        requestId: 'R1',
        receivedAt: now(),
        method: 'GET',
        url: 'http://h/a/k',
        accessPoint: point,
        supporting: point,
        bucket: 'b',
        key: 'k',
      },
      ...{ headers: traceparent === undefined ? [] : [['Traceparent', traceparent]] },
      caller: { kind: 'Account', accountId: '1', arn: 'a', accessKeyId: 'k' },
    },
    { bodyBytes: 0, onDone: () => {}, arena: new Arena(1024) },
  );
  record.queued();
  record.given({ instanceId: 'i', cold: false, startMs: 0 });
  record.read({
    requestId: 'r',
    at: now(),
    operation: 'GetObject',
    resource: 'a/k',
    status: 403,
    bytes: 0,
    ms: 1,
    complete: true,
    code: 'AccessDenied',
  });
  record.attempt({ requestId: 'w', status: '200', rawHeaders: [] }).taken();
  record.headSent();
  record.settled('answered');
  record.ended({ instanceId: 'i', coldStart: false, durationMs: 1, maxMemoryMb: 1 });
  return record;
}

async function exported(t: TestContext, records: RecordBuilder[]): Promise<Span[]> {
  const { got, allow, url } = await receiver(t);
  const spans = new SpanExport({ url, outgoing: openOutgoing({ allow }), region: 'r', onProblem: (error) => assert.fail(String(error)) });
  for (const record of records) spans.add(record);
  await spans.close();
  return got.flatMap(({ resourceSpans }) => resourceSpans).flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

const trace = '0af7651916cd43dd8448eb211c80319c';

test('a record becomes a span with its phases, reads and attempts below it, in the trace of the client', async (t) => {
  const spans = await exported(t, [recordOf(`00-${trace}-b7ad6b7169203331-01`)]);
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['transform', 'auth', 'queue', 'function', 'firstByte', 'body', 'read', 'attempt'],
  );
  const [root] = spans;
  assert.deepEqual([root?.parentSpanId, root?.kind], ['b7ad6b7169203331', 2]);
  const fn = spans.find(({ name }) => name === 'function');
  for (const span of spans) {
    assert.equal(span.traceId, trace);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    if (span !== root) assert.equal(span.parentSpanId, ['read', 'attempt'].includes(span.name) ? fn?.spanId : root?.spanId, span.name);
  }
  assert.equal(spans.find(({ name }) => name === 'read')?.status?.message, 'AccessDenied');
});

test('without a traceparent, or with a bad one, a trace begins; one that is not sampled is not sent', async (t) => {
  const bad = [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, 'nonsense', `ff-${trace}-b7ad6b7169203331-01`];
  const spans = await exported(t, [recordOf(), ...bad.map(recordOf), recordOf(`00-${trace}-b7ad6b7169203331-00`)]);
  const roots = spans.filter(({ name }) => name === 'transform');
  assert.equal(roots.length, 4);
  assert.equal(new Set(roots.map(({ traceId }) => traceId)).size, 4);
  assert.ok(roots.every(({ traceId, parentSpanId }) => traceId !== trace && parentSpanId === undefined));
});

test('a receiver that refuses is told of once, and one that is not allowed is none', async (t) => {
  const { allow, url } = await receiver(t, 500);
  const problems: unknown[] = [];
  const spans = new SpanExport({ url, outgoing: openOutgoing({ allow }), region: 'r', onProblem: (error) => problems.push(error) });
  spans.add(recordOf());
  await spans.close();
  assert.match(String(problems), /answered 500/);
  assert.throws(() => new SpanExport({ url, outgoing: openOutgoing({ allow: [] }), region: 'r', onProblem: () => {} }), /outgoing\.allow/);
});
