/** 1 GiB through a function, with a server that may keep 64 MiB of JavaScript heap. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createAccessPoint, createBucket, createObjectFc, deleteFunction, deployFunction, filesOf } from './harness/deploy.ts';
import { send, start } from './harness/http.ts';
import { residentBytes } from './harness/processes.ts';
import { pathOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const MiB = 1 << 20;
const pieces = 1024;
const bucket = 'acc-large';
const key = 'gibibyte.bin';
/** What the server's resident memory may grow by while bytes flow, whatever their number. */
const growth = 96 * MiB;

/** 1 MiB pieces, each unlike the others, made as they are needed and hashed as they leave. */
function generate(hash: ReturnType<typeof createHash>): Readable {
  const block = Buffer.alloc(MiB, createHash('sha512').update('seed').digest());
  return Readable.from(
    (function* () {
      for (let index = 0; index < pieces; index++) {
        const piece = Buffer.from(block);
        for (let at = 0; at < MiB; at += 4096) piece.writeUInt32LE(index * 256 + at / 4096, at);
        hash.update(piece);
        yield piece;
      }
    })(),
  );
}

/** Highest resident memory of the server while `work` runs. */
async function peakOf<T>(sluice: Sluice, work: () => Promise<T>): Promise<{ result: T; peak: number }> {
  let peak = residentBytes(sluice.pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(sluice.pid));
  }, 50);
  try {
    return { result: await work(), peak };
  } finally {
    clearInterval(timer);
  }
}

test('a 1 GiB pass-through succeeds under --max-old-space-size=64 at constant memory', { skip: python.skip }, async (context) => {
  const sluice = await startSluice({ env: { NODE_OPTIONS: '--max-old-space-size=64' } });
  try {
    await createBucket(sluice, bucket);
    await createAccessPoint(sluice, bucket, 'ap-large');
    const files = [
      ...filesOf(join(root, 'test', 'acceptance', 'functions', 'pass-through')),
      ...filesOf(python.tools?.oss2.newest as string),
    ];
    await deployFunction(sluice, 'pass-through', files, { timeout: 120 });
    const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-large', name: 'pass', functionName: 'pass-through' });
    const before = residentBytes(sluice.pid);

    const sent = createHash('sha1');
    const put = { method: 'PUT', bucket, key };
    const upload = await peakOf(sluice, () => {
      const headers = { ...signHeaderV4(put, sluice.key), 'content-length': String(pieces * MiB) };
      return send(sluice.data, { method: 'PUT', path: pathOf(put), headers, body: generate(sent) });
    });
    assert.equal(upload.result.status, 200, upload.result.body.toString());

    const received = createHash('sha1');
    const get = { method: 'GET', bucket: alias, key };
    const download = await peakOf(sluice, async () => {
      const response = await start(sluice.data, { path: pathOf(get), headers: signHeaderV4(get, sluice.key) });
      let bytes = 0;
      for await (const chunk of response) {
        bytes += (chunk as Buffer).length;
        received.update(chunk as Buffer);
      }
      return { status: response.statusCode, bytes };
    });
    assert.deepEqual(download.result, { status: 200, bytes: pieces * MiB });
    assert.equal(received.digest('hex'), sent.digest('hex'), 'SHA-1 of what came back');
    const mib = (bytes: number) => Math.round(bytes / MiB);
    context.diagnostic(
      `resident MiB: ${mib(before)} before, ${mib(upload.peak)} at most while storing, ${mib(download.peak)} while transforming`,
    );
    assert.ok(upload.peak - before < growth, `storing took ${mib(upload.peak - before)} MiB more`);
    assert.ok(download.peak - before < growth, `transforming took ${mib(download.peak - before)} MiB more`);
    await deleteFunction(sluice, 'pass-through');
    await sluice.emptied();
  } finally {
    await sluice.stop();
  }
});
