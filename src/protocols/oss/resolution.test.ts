import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resolved } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import { placeHost } from './host.ts';
import { type Candidate, candidatesOf, type Directory, decodePart } from './resolution.ts';

const domains = ['localhost', 'oss.example.com'];
const point = { name: 'fc-1', alias: 'fc-1-abc-opapalias', bucket: 'photos' };
const resolved = { kind: 'object-fc', objectFc: point } as unknown as Resolved;
const directory: Directory = {
  known: (name) => name === 'photos',
  endpoint: (label, kind) => (label === 'fc-1-123' && kind === 'object-fc' ? resolved : undefined),
  names: () => ['photos', 'music'],
};

function candidates(host: string, path: string): Candidate[] {
  return candidatesOf(placeHost(host, domains), path, directory).map(({ bucket, key }) => ({
    ...(bucket !== undefined && { bucket }),
    ...(key !== undefined && { key }),
  }));
}

describe('placeHost', () => {
  for (const [host, expected] of [
    ['127.0.0.1:9000', { kind: 'path' }],
    ['[::1]:9000', { kind: 'path' }],
    ['', { kind: 'path' }],
    ['localhost:9000', { kind: 'path' }],
    ['b.localhost:9000', { kind: 'virtual', name: 'b' }],
    ['oss.example.com', { kind: 'path', ownDomain: true }],
    ['b.oss.example.com.', { kind: 'virtual', name: 'b', ownDomain: true }],
    ['oss-cn-qingdao.aliyuncs.com', { kind: 'path' }],
    ['b.oss-cn-qingdao.aliyuncs.com', { kind: 'virtual', name: 'b' }],
    ['b.oss-cn-qingdao-internal.aliyuncs.com:80', { kind: 'virtual', name: 'b' }],
    ['.oss-cn-qingdao.aliyuncs.com', { kind: 'path' }],
    ['undefined.oss-cn-qingdao.aliyuncs.com', { kind: 'path' }],
    ['fc-1-123.oss-cn-qingdao.oss-object-process.aliyuncs.com', { kind: 'endpoint', label: 'fc-1-123', point: 'object-fc' }],
    [
      'fc-1-123-opap.oss-cn-qingdao-internal.oss-object-process.aliyuncs.com',
      { kind: 'endpoint', label: 'fc-1-123-opap', point: 'object-fc' },
    ],
    ['ap-1-123.oss-cn-qingdao.oss-accesspoint.aliyuncs.com', { kind: 'endpoint', label: 'ap-1-123', point: 'access-point' }],
    ['oss:9000', { kind: 'unknown', label: undefined }],
    ['b.oss:9000', { kind: 'unknown', label: 'b' }],
    ['img.example.org', { kind: 'unknown', label: 'img' }],
    ['oss-cn-qingdao.aliyuncs.com.evil.org', { kind: 'unknown', label: 'oss-cn-qingdao' }],
  ] as const) {
    test(host === '' ? '(none)' : host, () => assert.deepEqual(placeHost(host, domains), expected));
  }
});

describe('candidatesOf', () => {
  const photos = { bucket: 'photos' };
  for (const [name, host, path, expected] of [
    ['service', '127.0.0.1', '/', [{}]],
    ['service without a path', '127.0.0.1', '', [{}]],
    ['bucket', '127.0.0.1', '/photos', [photos]],
    ['bucket with a slash', '127.0.0.1', '/photos/', [photos]],
    ['object', '127.0.0.1', '/photos/a/b', [{ ...photos, key: 'a/b' }]],
    ['encoded slash', '127.0.0.1', '/photos/a%2Fb%20c.txt', [{ ...photos, key: 'a/b c.txt' }]],
    ['decoded once only', '127.0.0.1', '/photos/a%252Fb', [{ ...photos, key: 'a%2Fb' }]],
    ['not normalised', '127.0.0.1', '/photos//a/../b/./', [{ ...photos, key: '/a/../b/./' }]],
    ['dots climbing out', '127.0.0.1', '/photos/../../etc/passwd', [{ ...photos, key: '../../etc/passwd' }]],
    ['plus is a plus', '127.0.0.1', '/photos/a+b', [{ ...photos, key: 'a+b' }]],
    ['UTF-8', '127.0.0.1', '/photos/%E4%BD%A0', [{ ...photos, key: '你' }]],
    ['raw UTF-8 bytes', '127.0.0.1', '/photos/\u00e4\u00bd\u00a0', [{ ...photos, key: '你' }]],
    ['virtual host', 'photos.localhost:9000', '/a', [{ ...photos, key: 'a' }]],
    ['virtual host, bucket', 'photos.localhost:9000', '/', [photos]],
    ['ali-oss by IP', 'photos.oss-cn-qingdao.aliyuncs.com', '/a', [{ ...photos, key: 'a' }]],
    [
      'ali-oss by IP with sldEnable',
      'photos.oss-cn-qingdao.aliyuncs.com',
      '/photos/a',
      [
        { ...photos, key: 'photos/a' },
        { ...photos, key: 'a' },
      ],
    ],
    ['ali-oss by IP with sldEnable, bucket', 'photos.oss-cn-qingdao.aliyuncs.com', '/photos/', [{ ...photos, key: 'photos/' }, photos]],
    ['ali-oss by IP without bucket', 'undefined.oss-cn-qingdao.aliyuncs.com', '/', [{}]],
    [
      'endpoint of an Object FC access point',
      'fc-1-123.oss-cn-x.oss-object-process.aliyuncs.com',
      '/k',
      [point.alias, point.name, point.bucket, 'fc-1-123'].map((bucket) => ({ bucket, key: 'k' })),
    ],
    ['endpoint of nobody', 'x-1.oss-cn-x.oss-accesspoint.aliyuncs.com', '/k', [{ bucket: 'x-1', key: 'k' }]],
    ['unknown host, known bucket in the path', 'oss:9000', '/photos/a', [{ ...photos, key: 'a' }]],
    [
      'unknown host, CNAME',
      'oss:9000',
      '/a/b',
      [
        { bucket: 'a', key: 'b' },
        { ...photos, key: 'a/b' },
        { bucket: 'music', key: 'a/b' },
      ],
    ],
    ['unknown host, bucket before it', 'photos.oss:9000', '/', [{}, photos, photos, { bucket: 'music' }]],
  ] as const) {
    test(name, () => assert.deepEqual(candidates(host, path), expected));
  }

  test('candidates of an endpoint know what they stand for', () => {
    const list = candidatesOf(placeHost('fc-1-123.oss-cn-x.oss-object-process.aliyuncs.com', domains), '/k', directory);
    assert.ok(list.every((candidate) => candidate.resolved === resolved));
  });
});

test('a path that is not percent-encoded UTF-8 is InvalidURI', () => {
  for (const raw of ['%', '%zz', '%FF', '%E4%BD', '%C0%AF']) {
    assert.throws(
      () => decodePart(raw),
      (error) => error instanceof Fault && error.code === 'InvalidURI',
      raw,
    );
  }
});
