import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { Crc64 } from '../kit/index.ts';
import { Bench, caller, type Event, type Fn, objectFc, session } from './fixture.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const settled = () => bench.settled();

describe('an answered exchange', () => {
  test('joins status, forwarded headers and bytes, and is removed', async () => {
    await bench.start();
    bench.fn = async (event) => {
      assert.equal(bench.transforms.open, 1);
      const answer = await bench.write(event, Buffer.from('HELLO'), {
        'x-oss-fwd-header-Content-Type': 'text/plain',
        'x-oss-fwd-header-ETag': '"abc"',
        'x-oss-fwd-header-x-oss-meta-a': 'b',
        'x-oss-fwd-header-Connection': 'close',
        'x-oss-fwd-header-Transfer-Encoding': 'gzip',
        'Content-Type': 'application/xml',
      });
      assert.equal(answer.status, 200);
      return {};
    };
    const res = await fetch(`${bench.url}/x`, { headers: { cookie: 'c=1', authorization: 'secret', 'x-own': 'v' } });
    assert.equal(res.status, 200);
    assert.equal(await res.text(), 'HELLO');
    assert.equal(res.headers.get('content-type'), 'text/plain');
    assert.equal(res.headers.get('etag'), '"abc"');
    assert.equal(res.headers.get('x-oss-meta-a'), 'b');
    assert.equal(res.headers.get('content-length'), '5');
    await settled();
  });

  test('the event carries no secret of the client', async () => {
    await bench.start();
    let seen: Event | undefined;
    bench.fn = async (event) => {
      seen = event;
      await bench.write(event, Buffer.from('x'));
      return {};
    };
    await (
      await fetch(bench.url, { headers: { cookie: 'c=1', authorization: 'OSS ak:sig', 'x-oss-security-token': 'tok', 'x-own': 'v' } })
    ).text();
    assert.equal(seen?.userRequest.headers['x-own'], 'v');
    assert.doesNotMatch(JSON.stringify(seen?.userRequest), /c=1|ak:sig|tok/);
    assert.match(seen?.getObjectContext.outputToken ?? '', /^OSSV1#[\w-]{128}$/);
    await settled();
  });

  test('a chunked answer stays chunked and an empty one has length 0', async () => {
    await bench.start();
    bench.fn = async (event) => {
      await bench.write(event, [Buffer.from('ab'), Buffer.from('cd')]);
      return {};
    };
    const res = await fetch(bench.url);
    assert.equal(res.headers.get('transfer-encoding'), 'chunked');
    assert.equal(await res.text(), 'abcd');
    bench.fn = async (event) => {
      await bench.write(event, []);
      return {};
    };
    const empty = await fetch(bench.url);
    assert.equal(empty.headers.get('content-length'), '0');
    assert.equal(empty.status, 200);
    await settled();
  });

  test('only true checksums are forwarded', async () => {
    await bench.start();
    const body = Buffer.from('transformed');
    const good = { crc: Crc64.of(body).toString(), md5: createHash('md5').update(body).digest('base64') };
    for (const [crc, md5, expected] of [
      [good.crc, good.md5, good],
      ['1', 'AAAA', { crc: null, md5: null }],
    ] as const) {
      bench.fn = async (event) => {
        await bench.write(event, body, { 'x-oss-fwd-header-x-oss-hash-crc64ecma': crc, 'x-oss-fwd-header-Content-MD5': md5 });
        return {};
      };
      const res = await fetch(bench.url);
      await res.text();
      assert.equal(res.headers.get('x-oss-hash-crc64ecma'), expected.crc);
      assert.equal(res.headers.get('content-md5'), expected.md5);
    }
    await settled();
  });

  test('a forwarded header that does not fit the bytes is corrected or left out, and named', async () => {
    await bench.start();
    const body = Buffer.from('transformed');
    bench.fn = async (event) => {
      await bench.write(event, body, {
        'x-oss-fwd-header-ETag': '"5D41402ABC4B2A76B9719D911017C592"',
        'x-oss-fwd-header-Content-Encoding': 'gzip',
        'x-oss-fwd-header-Last-Modified': '2000-01-02 03:04:05',
        'x-oss-fwd-header-Expires': '0',
        'x-oss-fwd-header-Content-Length': '4711',
        'x-oss-fwd-header-x-oss-hash-crc64ecma': '1',
        'x-oss-fwd-header-Content-MD5': 'AAAA',
        'x-oss-fwd-header-x-oss-request-id': 'of the original',
      });
      return {};
    };
    const res = await fetch(bench.url);
    assert.equal(await res.text(), 'transformed');
    const got = [
      'etag',
      'content-encoding',
      'last-modified',
      'expires',
      'content-length',
      'x-oss-hash-crc64ecma',
      'content-md5',
      'content-type',
    ];
    assert.deepEqual(
      got.map((name) => res.headers.get(name)),
      [
        `"${createHash('md5').update(body).digest('hex').toUpperCase()}"`,
        null,
        'Sun, 02 Jan 2000 03:04:05 GMT',
        'Thu, 01 Jan 1970 00:00:00 GMT',
        '11',
        null,
        null,
        'text/plain',
      ],
    );
    const [found] = bench.falseHeaders;
    assert.deepEqual(
      [found?.requestId, found?.notes.map(({ header }) => header).sort()],
      ['R1', ['content-encoding', 'content-length', 'content-md5', 'etag', 'expires', 'last-modified', 'x-oss-hash-crc64ecma']],
    );
    await settled();
  });

  test('a claim about a small body holds however its packets are cut', async () => {
    await bench.start();
    const pieces = [Buffer.alloc(20_000, 'a'), Buffer.alloc(20_000, 'b'), Buffer.alloc(1, 'c')];
    const whole = Buffer.concat(pieces);
    const etag = `"${createHash('md5').update(whole).digest('hex')}"`;
    for (const headOnly of [false, true]) {
      bench.headOnly = headOnly;
      bench.fn = async (event) => {
        await bench.write(event, pieces, {
          'Content-Length': String(whole.length),
          'x-oss-fwd-header-ETag': etag,
          'x-oss-fwd-header-x-oss-hash-crc64ecma': Crc64.of(whole).toString(),
        });
        return {};
      };
      const res = await fetch(bench.url, { method: headOnly ? 'HEAD' : 'GET' });
      if (!headOnly) assert.equal((await res.bytes()).length, whole.length);
      assert.deepEqual([res.headers.get('etag'), res.headers.get('x-oss-hash-crc64ecma')], [etag, Crc64.of(whole).toString()]);
    }
    assert.deepEqual(bench.falseHeaders, []);
    await settled();
  });

  test('the type is told by the bytes where the function names none, the same for HEAD', async () => {
    await bench.start();
    for (const headOnly of [false, true]) {
      bench.headOnly = headOnly;
      bench.fn = async (event) => {
        await bench.write(event, Buffer.from('\x89PNG\r\n\x1a\n....', 'latin1'));
        return {};
      };
      const res = await fetch(bench.url, { method: headOnly ? 'HEAD' : 'GET' });
      await res.text();
      assert.equal(res.headers.get('content-type'), 'image/png');
    }
    await settled();
  });

  test('a route that is not the event’s is taken, and named', async () => {
    await bench.start();
    bench.fn = async (event) => {
      const { outputRoute } = event.getObjectContext;
      const route = [outputRoute.toUpperCase().replace('HTTP://', ''), 'oss-cn-qingdao.aliyuncs.com'][bench.answers.length] as string;
      await bench.write(event, Buffer.from('x'), { 'x-oss-request-route': route });
      return {};
    };
    for (const expected of [0, 1]) {
      assert.equal(await (await fetch(bench.url)).text(), 'x');
      await settled();
      assert.equal(bench.falseHeaders.length, expected);
    }
    assert.equal(bench.falseHeaders[0]?.notes[0]?.header, 'x-oss-request-route');
  });

  test('304 has no body; an error status without a body becomes a fault, with a body it passes', async () => {
    await bench.start();
    const get = async (status: string, body: Buffer) => {
      bench.fn = async (event) => {
        await bench.write(event, body, { 'x-oss-fwd-status': status });
        return {};
      };
      const res = await fetch(bench.url);
      return { status: res.status, code: res.headers.get('x-code'), text: await res.text() };
    };
    assert.deepEqual(await get('304', Buffer.alloc(0)), { status: 304, code: null, text: '' });
    assert.equal((await get('404', Buffer.alloc(0))).code, 'NoSuchKey');
    assert.deepEqual(await get('404', Buffer.from('own')), { status: 404, code: null, text: 'own' });
    await settled();
  });

  test('a head-only request runs the function and sends the length without the body', async () => {
    await bench.start();
    bench.headOnly = true;
    bench.fn = async (event) => {
      await bench.write(event, [Buffer.alloc(1000), Buffer.alloc(234)]);
      return {};
    };
    const res = await fetch(bench.url, { method: 'HEAD' });
    assert.equal(res.headers.get('content-length'), '1234');
    await settled();
  });
});

describe('tokens', () => {
  test('missing parts, bad status, unknown and reused tokens are refused by name', async () => {
    await bench.start();
    const seen: (string | undefined)[] = [];
    bench.fn = async (event) => {
      const put = async (headers: Record<string, string>) => seen.push((await bench.write(event, Buffer.from('x'), headers)).code);
      await put({ 'x-oss-request-route': '' });
      await put({ 'x-oss-request-token': '' });
      await put({ 'x-oss-fwd-status': '' });
      await put({ 'x-oss-fwd-status': '299' });
      await put({ 'x-oss-fwd-status': '20' });
      await put({ 'x-oss-request-token': `${event.getObjectContext.outputToken}x` });
      await put({});
      await put({});
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'x');
    await settled();
    assert.deepEqual(seen, [
      'MissingArgument',
      'MissingArgument',
      'MissingArgument',
      'InvalidArgument',
      'InvalidArgument',
      'AccessDenied',
      undefined,
      'AccessDenied',
    ]);
  });

  test('a token answers only with the session of its own function', async () => {
    await bench.start();
    const codes: (string | undefined)[] = [];
    bench.fn = async (event) => {
      for (const who of [caller, session([], 'acs:fc:cn-qingdao:1234567890123456:functions/other'), session()]) {
        bench.answering = who;
        codes.push((await bench.write(event, Buffer.from('x'))).code);
      }
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'x');
    assert.deepEqual(codes.slice(0, 2), ['AccessDenied', 'AccessDenied']);
    await settled();
    assert.equal(codes[2], undefined);
  });

  test('after an attempt that broke before its first byte the same token answers', async () => {
    await bench.start();
    bench.fn = async (event) => {
      const { port } = bench.server.address() as AddressInfo;
      const socket = connect(port, '127.0.0.1');
      const { outputRoute, outputToken } = event.getObjectContext;
      socket.write(
        `POST / HTTP/1.1\r\nHost: h\r\nx-oss-request-route: ${outputRoute}\r\nx-oss-request-token: ${outputToken}\r\nx-oss-fwd-status: 200\r\nContent-Length: 10\r\n\r\n`,
      );
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.destroy();
      while (bench.answers.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await bench.write(event, Buffer.from('second'));
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'second');
    await settled();
  });

  test('a false Content-MD5 never gives the client a whole body', async () => {
    await bench.start();
    const codes: (string | undefined)[] = [];
    bench.fn = async (event) => {
      codes.push((await bench.write(event, Buffer.from('bad'), { 'Content-MD5': 'AAAAAAAAAAAAAAAAAAAAAA==' })).code);
      const md5 = createHash('md5').update('good').digest('base64');
      codes.push((await bench.write(event, Buffer.from('good'), { 'Content-MD5': md5 })).code);
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'good');
    await settled();
    assert.deepEqual(codes, ['InvalidDigest', undefined]);
  });
});

describe('failures', () => {
  const failing = async (fn: Fn) => {
    bench.fn = fn;
    const res = await fetch(bench.url);
    await res.text();
    return `${res.status} ${res.headers.get('x-code')}`;
  };

  test('each end without an answer has its own code', async () => {
    await bench.start();
    assert.equal(await failing(async () => ({})), '500 FunctionResponseMissing');
    const failure = { errorType: 'UnhandledInvocationError', message: 'm' };
    assert.equal(await failing(async () => ({ failure: { kind: 'raised', ...failure } })), '500 FunctionInvocationError');
    assert.equal(await failing(async () => ({ failure: { kind: 'timeout', ...failure } })), '504 FunctionTimeout');
    assert.equal(await failing(async () => Promise.reject(new Fault('ResourceThrottled'))), '503 FunctionThrottled');
    assert.equal(await failing(async () => Promise.reject(new Error('bug'))), '500 InternalError');
    await settled();
  });

  test('a half answer breaks the connection, never ends cleanly', async () => {
    await bench.start();
    bench.fn = async (event) => {
      const { port } = bench.server.address() as AddressInfo;
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      const { outputRoute, outputToken } = event.getObjectContext;
      socket.write(
        `POST / HTTP/1.1\r\nHost: h\r\nx-oss-request-route: ${outputRoute}\r\nx-oss-request-token: ${outputToken}\r\nx-oss-fwd-status: 200\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`,
      );
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.destroy();
      return {};
    };
    const res = await fetch(bench.url);
    assert.equal(res.status, 200);
    await assert.rejects(res.text());
    await settled();
  });

  test('recursion and depth are refused', async () => {
    await bench.start();
    bench.principal = session([objectFc.alias]);
    assert.equal(await failing(async () => ({})), '400 RecursiveInvocation');
    bench.principal = session(['a', 'b', 'c']);
    assert.equal(await failing(async () => ({})), '400 RecursiveInvocation');
    bench.principal = session(['a', 'b']);
    assert.equal(await failing(async () => ({})), '500 FunctionResponseMissing');
    await settled();
  });

  test('a function has its share, whichever access point asks for it, and bytes a second are kept', async () => {
    await bench.start({ function: { inFlight: 1 }, accessPoint: { bytesPerSecond: 100_000 } });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const begun = performance.now();
    const first = failing(async (event) => {
      await held;
      await bench.write(
        event,
        Array.from({ length: 10 }, () => Buffer.alloc(12_000)),
      );
      return {};
    });
    while (bench.transforms.open === 0) await new Promise((resolve) => setImmediate(resolve));
    const shed = await fetch(bench.url);
    assert.deepEqual([shed.status, shed.headers.get('x-code'), shed.headers.get('retry-after')], [503, 'FunctionThrottled', '1']);
    assert.match(await shed.text(), /transforms\.function\.inFlight/);
    release();
    assert.equal(await first, '200 null');
    // 120,000 bytes at 100,000 a second, of which one second's worth is there at once.
    assert.ok(performance.now() - begun >= 190, 'the last bytes waited for their second');
    await settled();
  });

  test('a body that flows outlives the deadline of its head, also when only its head is wanted', async () => {
    await bench.start({ startAllowanceMs: 0, firstByteMs: 700 });
    bench.headOnly = true;
    bench.fn = async (event) => {
      const body = new PassThrough();
      const answered = bench.stream(event, body);
      for (let i = 0; i < 6; i += 1) {
        body.write(Buffer.alloc(100));
        await new Promise((resolve) => setTimeout(resolve, 160));
      }
      body.end();
      assert.equal(await answered, 200);
      return {};
    };
    const res = await fetch(bench.url, { method: 'HEAD' });
    assert.deepEqual([res.status, res.headers.get('content-length')], [200, '600']);
    bench.fn = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return {};
    };
    const late = await fetch(bench.url, { method: 'HEAD' });
    assert.deepEqual([late.status, late.headers.get('x-code')], [504, 'FunctionTimeout']);
    await settled();
  });

  test('a client that waits less long than the function may run does not end the function', async () => {
    await bench.start({ firstByteMs: 50 });
    const spare: number[] = [];
    bench.fn = async (_event, call) => {
      call.onStart?.('i-1');
      assert.ok((call.deadline ?? 0) <= Date.now() + 50, 'it waits in no line for longer');
      await new Promise((resolve) => setTimeout(resolve, 100));
      spare.push(call.spareMs?.() ?? 0);
      return {};
    };
    const res = await fetch(bench.url);
    assert.deepEqual([res.status, res.headers.get('x-code')], [504, 'FunctionTimeout']);
    await settled();
    assert.ok((spare[0] ?? 0) > 0 && (spare[0] ?? 0) < 5000, `${spare} of the five seconds are left`);
  });

  test('for a head alone a function may state the length without the bytes', async () => {
    await bench.start();
    bench.headOnly = true;
    bench.fn = async (event) => {
      await bench.write(event, Buffer.alloc(0), { 'x-oss-fwd-header-Content-Length': '4711' });
      return {};
    };
    const res = await fetch(bench.url, { method: 'HEAD' });
    assert.deepEqual([res.headers.get('content-length'), bench.falseHeaders], ['4711', []]);
    await settled();
  });

  test('more than maxOpen are shed at once', async () => {
    await bench.start({ maxOpen: 1 });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = failing(async () => {
      await held;
      return {};
    });
    while (bench.transforms.open === 0) await new Promise((resolve) => setImmediate(resolve));
    const res = await fetch(bench.url);
    assert.equal(res.headers.get('x-code'), 'FunctionThrottled');
    assert.equal(res.headers.get('retry-after'), '1');
    await res.text();
    release();
    await first;
    await settled();
  });

  test('when the client leaves, the function still gets 200 and nothing stays open', async () => {
    await bench.start();
    const left = new AbortController();
    let status = 0;
    const done = new Promise<void>((resolve) => {
      bench.fn = async (event) => {
        left.abort();
        await new Promise((r) => setTimeout(r, 30));
        status = (await bench.write(event, Buffer.alloc(300_000))).status;
        resolve();
        return {};
      };
    });
    await assert.rejects(fetch(bench.url, { signal: left.signal }));
    await done;
    assert.equal(status, 200);
    await settled();
  });
});

describe('slow clients', () => {
  test('memory, then the file, then the function waits; bytes stay in order', async () => {
    await bench.start({ bufferBytes: 65_536, spoolBytes: 3_000_000, idleMs: 20_000 });
    const chunks = Array.from({ length: 400 }, (_, i) => Buffer.alloc(32_768, i % 251));
    const whole = createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
    let spooled = false;
    bench.fn = async (event) => {
      await bench.write(event, chunks);
      return {};
    };
    const { port } = bench.server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 1800));
    const { readlinkSync } = await import('node:fs');
    for (const fd of readdirSync('/proc/self/fd')) {
      try {
        if (readlinkSync(`/proc/self/fd/${fd}`).startsWith(bench.spool)) spooled = true;
      } catch {
        // The descriptor that listed the folder is closed again.
      }
    }
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    const raw = Buffer.concat(parts);
    const body = raw.subarray(raw.indexOf('\r\n\r\n') + 4);
    assert.equal(createHash('sha256').update(body).digest('hex'), whole);
    assert.ok(spooled, 'the overflow file was used');
    await settled();
    assert.deepEqual(readdirSync(bench.spool), []);
  });
});
