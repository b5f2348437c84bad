/** Pictures processed on a running server (x-oss-process), hostile ones among them, and the styles of a bucket. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { clients, runClient, type StepResult } from './harness/clients.ts';
import { createBucket, ossCall, ossDo } from './harness/deploy.ts';
import { type Reply, send } from './harness/http.ts';
import { presignV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

const bucket = 'pictures';
let sluice: Sluice;

/** A picture whose left half is red and whose right half is blue. */
function halves(width: number, height: number): Sharp {
  const right = { create: { width: Math.floor(width / 2), height, channels: 3 as const, background: '#0000ff' } };
  return sharp({ create: { width, height, channels: 3, background: '#ff0000' } })
    .composite([{ input: right, left: Math.ceil(width / 2), top: 0 }])
    .removeAlpha();
}

const put = (key: string, body: Buffer | string, headers: Record<string, string> = {}) =>
  ossDo(sluice, { method: 'PUT', bucket, key, headers, body });
const ask = (key: string, process: string, more: { method?: string; headers?: Record<string, string> } = {}) =>
  ossCall(sluice, { method: 'GET', bucket, key, query: { 'x-oss-process': process }, ...more });
const base64 = (text: string) => Buffer.from(text).toString('base64url');
const code = (reply: Reply) => reply.code;

async function made(key: string, process: string): Promise<Buffer> {
  const reply = await ask(key, process);
  assert.equal(reply.status, 200, `${process}: ${reply.body.toString('utf8', 0, 500)}`);
  return reply.body;
}

/** Format and size of what an operation gives. */
async function shape(key: string, process: string): Promise<string> {
  const { format, width, height, pages = 1, pageHeight = height } = await sharp(await made(key, process)).metadata();
  return `${format} ${width}x${pageHeight}${pages > 1 ? ` x${pages}` : ''}`;
}

/** The colour of one pixel, as it is seen. */
async function colour(key: string, process: string, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(await made(key, process))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [...data.subarray((y * info.width + x) * info.channels, (y * info.width + x + 1) * info.channels)];
}

function near(found: number[], wanted: number[], what: string): void {
  assert.ok(found.length === wanted.length && found.every((value, i) => Math.abs(value - (wanted[i] as number)) < 30), `${what}: ${found}`);
}

before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await put('cat.jpg', await halves(400, 200).jpeg({ quality: 80 }).toBuffer(), {
    'content-type': 'image/jpeg',
    'cache-control': 'max-age=60',
  });
  await put('cat.png', await halves(401, 267).png().toBuffer(), { 'content-type': 'image/png' });
  await put(
    'logo.png',
    await sharp({ create: { width: 40, height: 20, channels: 4, background: '#00ff00' } })
      .png()
      .toBuffer(),
  );
  const frames = await Promise.all(
    ['#f00', '#0f0', '#00f'].map((background) =>
      sharp({ create: { width: 60, height: 40, channels: 3, background } })
        .raw()
        .toBuffer(),
    ),
  );
  const raw = { width: 60, height: 120, channels: 3 as const, pageHeight: 40 };
  await put(
    'moving.gif',
    await sharp(Buffer.concat(frames), { raw })
      .gif({ delay: [100, 200, 300], loop: 2 })
      .toBuffer(),
  );
  await put('turned.jpg', await halves(400, 200).withMetadata({ orientation: 6 }).jpeg().toBuffer());
});
// Processes for pictures stay warm a while; they must end with the server.
after(() => sluice.stop());

describe('sizes', () => {
  const rows: [key: string, process: string, shape: string][] = [
    ['cat.jpg', 'image/resize,w_100', 'jpeg 100x50'],
    ['cat.jpg', 'image/resize,h_100', 'jpeg 200x100'],
    ['cat.jpg', 'image/resize,w_100,h_100', 'jpeg 100x50'],
    ['cat.jpg', 'image/resize,m_mfit,w_100,h_100', 'jpeg 200x100'],
    ['cat.jpg', 'image/resize,m_fill,w_100,h_100', 'jpeg 100x100'],
    ['cat.jpg', 'image/resize,m_pad,w_100,h_100,color_00FF00', 'jpeg 100x100'],
    ['cat.jpg', 'image/resize,m_fixed,w_100,h_100', 'jpeg 100x100'],
    ['cat.jpg', 'image/resize,l_100', 'jpeg 100x50'],
    ['cat.jpg', 'image/resize,s_100', 'jpeg 200x100'],
    ['cat.jpg', 'image/resize,w_800', 'jpeg 400x200'],
    ['cat.jpg', 'image/resize,w_800,limit_0', 'jpeg 800x400'],
    ['cat.jpg', 'image/resize,p_50', 'jpeg 200x100'],
    ['cat.png', 'image/resize,w_100', 'png 100x67'],
    ['cat.jpg', 'image/crop,x_10,y_20', 'jpeg 390x180'],
    ['cat.jpg', 'image/crop,w_100,h_100,g_se', 'jpeg 100x100'],
    ['cat.jpg', 'image/crop,x_350,w_100,h_50', 'jpeg 50x50'],
    ['cat.jpg', 'image/rotate,90', 'jpeg 200x400'],
    ['cat.jpg', 'image/circle,r_50', 'jpeg 100x100'],
    ['cat.jpg', 'image/circle,r_4000/format,png', 'png 200x200'],
    ['cat.jpg', 'image/rounded-corners,r_30/format,png', 'png 400x200'],
    ['cat.jpg', 'image/indexcrop,x_150,i_2', 'jpeg 100x200'],
    ['cat.jpg', 'image/indexcrop,y_150,i_9', 'jpeg 400x200'],
    ['cat.jpg', 'image/resize,w_100/rotate,90/crop,h_20', 'jpeg 50x20'],
    ['cat.jpg', 'image/blur,r_3,s_2/sharpen,100/bright,10/contrast,-10/interlace,1/quality,q_50', 'jpeg 400x200'],
    ['turned.jpg', 'image/resize,w_100', 'jpeg 100x50'],
    ['turned.jpg', 'image/auto-orient,1/resize,w_100', 'jpeg 100x200'],
    ['moving.gif', 'image/resize,w_30', 'gif 30x20 x3'],
    ['moving.gif', 'image/crop,w_10,h_10/format,webp', 'webp 10x10 x3'],
    ['moving.gif', 'image/format,png', 'png 60x40'],
  ];
  for (const [key, process, wanted] of rows) test(`${key} ${process}`, async () => assert.equal(await shape(key, process), wanted));
});

describe('what is seen', () => {
  test('a crop from the right, a padding, a turn', async () => {
    near(await colour('cat.png', 'image/crop,w_50,h_50,g_east', 10, 10), [0, 0, 255], 'the right half');
    near(await colour('cat.png', 'image/resize,m_pad,w_100,h_100,color_00FF00', 50, 5), [0, 255, 0], 'the padding');
    near(await colour('cat.png', 'image/rotate,180', 10, 10), [0, 0, 255], 'turned round');
  });

  test('corners are clear in PNG and white in JPEG', async () => {
    assert.equal((await colour('cat.png', 'image/circle,r_50', 0, 0))[3], 0);
    near(await colour('cat.png', 'image/circle,r_50/format,jpg', 0, 0), [255, 255, 255], 'around the circle');
  });

  test('a picture as a watermark, at its place, scaled, see-through and repeated', async () => {
    const mark = `image/watermark,image_${base64('logo.png')}`;
    near(await colour('cat.png', `${mark},g_nw,x_5,y_5`, 10, 10), [0, 255, 0], 'upper left');
    near(await colour('cat.png', `${mark},g_nw,x_5,y_5`, 2, 2), [255, 0, 0], 'beside it');
    near(await colour('cat.png', `${mark},t_50,g_nw,x_0,y_0`, 5, 5), [128, 128, 0], 'half seen through');
    near(await colour('cat.png', `${mark},fill_1,padx_100,pady_100`, 150, 125), [0, 255, 0], 'the second of the second row');
    const scaled = `image/watermark,image_${base64('logo.png?x-oss-process=image/resize,P_50')},g_nw,x_0,y_0`;
    near(await colour('cat.png', scaled, 190, 90), [0, 255, 0], 'half as wide as the picture');
  });

  const fonts =
    existsSync('/usr/share/fonts') && readdirSync('/usr/share/fonts', { recursive: true }).some((name) => /\.ttf$/.test(String(name)));
  const withoutFonts = fonts || process.env.CI === 'true' ? false : 'no font is installed';
  test('a text as a watermark', { skip: withoutFonts }, async () => {
    const plain = await made('cat.png', 'image/format,png');
    const text = `image/watermark,text_${base64('Sluice <&>')},type_${base64('wqy-zenhei')},color_FFFFFF,size_60,shadow_50,rotate_10,g_center`;
    const greenest = async (file: Buffer) => (await sharp(file).stats()).channels[1]?.max ?? 0;
    assert.ok((await greenest(plain)) < 10, 'no green in red and blue');
    assert.ok((await greenest(await made('cat.png', text))) > 200, 'white letters');
  });

  test('every format, and qualities of the source', async () => {
    for (const format of ['jpg', 'png', 'webp', 'bmp', 'gif', 'tiff', 'avif']) {
      const reply = await ask('cat.jpg', `image/format,${format}`);
      assert.equal(reply.headers['content-type'], format === 'jpg' ? 'image/jpeg' : `image/${format}`);
      assert.equal(reply.status, 200);
    }
    assert.equal((await made('cat.jpg', 'image/format,bmp')).readInt32LE(18), 400);
    const sizes = await Promise.all([10, 50, 100].map(async (q) => (await made('cat.jpg', `image/bright,10/quality,q_${q}`)).length));
    assert.deepEqual(
      [...sizes].sort((a, b) => a - b),
      sizes,
    );
    assert.ok(
      (await made('cat.jpg', 'image/quality,Q_100')).length <= (await made('cat.jpg', 'image/format,jpg')).length,
      'never above the source',
    );
  });

  test('what is written can be read', async () => {
    for (const format of ['jpg', 'png', 'webp', 'bmp', 'gif', 'tiff', 'avif']) {
      await put('again', await made('cat.png', `image/format,${format}`));
      const [red, green, blue] = await colour('again', 'image/resize,w_200/format,png', 150, 10);
      near([red ?? 0, green ?? 0, blue ?? 0], [0, 0, 255], `the right half, ${format}`);
    }
  });
});

describe('what is told', () => {
  test('info, with EXIF where there is any', async () => {
    const info = JSON.parse((await made('cat.png', 'image/info')).toString());
    assert.deepEqual(info.ImageWidth, { value: '401' });
    assert.deepEqual([info.ImageHeight.value, info.Format.value, info.FrameCount.value], ['267', 'png', '1']);
    assert.equal(JSON.parse((await made('moving.gif', 'image/info')).toString()).FrameCount.value, '3');
    assert.equal(JSON.parse((await made('turned.jpg', 'image/info')).toString()).Orientation.value, '6');
    assert.equal((await ask('cat.png', 'image/info')).headers['content-type'], 'application/json');
  });

  test('the average hue', async () => {
    const { RGB } = JSON.parse((await made('cat.jpg', 'image/average-hue')).toString());
    assert.match(RGB, /^0x[0-9a-f]{6}$/);
    near([...Buffer.from(RGB.slice(2), 'hex')], [127, 0, 127], 'between red and blue');
  });
});

describe('answers', () => {
  test('no header is the original’s that is not true of the result', async () => {
    const { headers, body } = await ask('cat.jpg', 'image/resize,w_100', { headers: { range: 'bytes=0-9' } });
    assert.equal(headers['content-length'], String(body.length));
    assert.ok(body.length > 10, 'a range is not for it');
    assert.match(String(headers.etag), /^W\//);
    for (const name of ['x-oss-hash-crc64ecma', 'content-md5', 'content-range']) assert.equal(headers[name], undefined, name);
    assert.equal(headers['cache-control'], 'max-age=60');
    assert.ok(headers['last-modified'] && headers['x-oss-request-id']);
  });

  test('HEAD has the same head and no body', async () => {
    const whole = await ask('cat.jpg', 'image/resize,w_100');
    const head = await ask('cat.jpg', 'image/resize,w_100', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, String(whole.body.length), 0]);
  });

  test('conditions are those of the source', async () => {
    const first = await ask('cat.jpg', 'image/resize,w_100');
    const again = await ask('cat.jpg', 'image/resize,w_100', { headers: { 'if-none-match': String(first.headers.etag) } });
    assert.equal(again.status, 304);
    assert.equal((await ask('cat.jpg', 'image/resize,w_100', { headers: { 'if-match': '"other"' } })).status, 412);
  });

  test('a presigned URL', async () => {
    const path = presignV4({ method: 'GET', bucket, key: 'cat.jpg', query: { 'x-oss-process': 'image/resize,w_10' } }, sluice.key, 60);
    const reply = await send(sluice.data, { method: 'GET', path });
    assert.equal(reply.status, 200, reply.body.toString());
    const other = await send(sluice.data, { method: 'GET', path: path.replace('w_10', 'w_20') });
    assert.equal(other.status, 403);
  });
});

describe('many at once', () => {
  test('more than there are processes are all served, and who leaves takes nothing along', async () => {
    const leaving = Array.from({ length: 6 }, async () => {
      const { hostname, port } = new URL(sluice.data);
      const path = presignV4({ method: 'GET', bucket, key: 'cat.png', query: { 'x-oss-process': 'image/blur,r_50,s_50' } }, sluice.key, 60);
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
      socket.destroy();
    });
    const widths = Array.from({ length: 16 }, (_, i) => 10 + i);
    const shapes = await Promise.all(widths.map((width) => shape('cat.jpg', `image/resize,w_${width},h_${width},m_fixed`)));
    assert.deepEqual(
      shapes,
      widths.map((width) => `jpeg ${width}x${width}`),
    );
    await Promise.all(leaving);
  });

  test('a picture that everybody may read needs no signature', async () => {
    await put('open.jpg', await halves(40, 20).jpeg().toBuffer(), { 'x-oss-object-acl': 'public-read' });
    const path = `/${bucket}/open.jpg?x-oss-process=image/resize,w_10`;
    const reply = await send(sluice.data, { method: 'GET', path, headers: { host: new URL(sluice.data).host } });
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal((await sharp(reply.body).metadata()).width, 10);
    const closed = await send(sluice.data, {
      method: 'GET',
      path: path.replace('open', 'cat'),
      headers: { host: new URL(sluice.data).host },
    });
    assert.equal(closed.status, 403);
  });
});

describe('refusals', () => {
  const rows: [process: string, code: string][] = [
    ['image/resize,w_0', 'InvalidArgument'],
    ['image/resize,w_ten', 'InvalidArgument'],
    ['image/resize,w_20000', 'InvalidArgument'],
    ['image/resize,w_10,zoom_2', 'InvalidArgument'],
    ['image/resize', 'MissingArgument'],
    ['image/enlarge,w_10', 'InvalidArgument'],
    ['image/', 'MissingArgument'],
    ['image/resize,w_16000,h_16000,m_fixed,limit_0', 'ImageTooLarge'],
    ['image/crop,x_500', 'BadRequest'],
    ['image/watermark,text_%%%', 'BadRequest'],
    ['image/watermark,g_se', 'MissingArgument'],
    [`image/watermark,image_${base64('none.png')}`, 'WatermarkError'],
    [`image/watermark,text_${base64('x')},size_2000`, 'InvalidArgument'],
    ['image/info/resize,w_10', 'InvalidArgument'],
    ['style/none', 'NoSuchStyle'],
    ['video/snapshot,t_0', 'NotImplemented'],
  ];
  for (const [process, wanted] of rows) {
    test(`${process} is ${wanted}`, async () => {
      const reply = await ask('cat.jpg', process);
      assert.equal(code(reply), wanted, reply.body.toString());
      assert.equal(reply.status, wanted === 'NoSuchStyle' ? 404 : 400);
    });
  }
});

/** One chunk of a PNG (PNG specification, section 5). */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  out.writeUInt32BE((crc ^ 0xffffffff) >>> 0, body.length + 4);
  return out;
}

/** A PNG in black and white that says it has this size, and holds as many rows as are asked for. */
function bomb(width: number, height: number, rows: number): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([1, 0, 0, 0, 0], 8);
  const data = deflateSync(Buffer.alloc(rows * (1 + Math.ceil(width / 8))));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('hostile pictures', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd" width="9" height="9"/></svg>';
  const entity = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>${svg.replace('<image', '<text>&x;</text><image')}`;
  const rows: [name: string, body: () => Buffer | string | Promise<Buffer>, codes: RegExp][] = [
    ['more pixels than may be', () => bomb(30_000, 30_000, 10), /ImageTooLarge/],
    ['wider than may be', () => bomb(100_000, 10, 10), /ImageTooLarge/],
    ['fewer rows than it says', () => bomb(8000, 8000, 10), /BadRequest/],
    ['a truncated JPEG', async () => (await halves(400, 200).jpeg().toBuffer()).subarray(0, 500), /BadRequest/],
    ['the magic of a JPEG alone', () => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(1000, 7)]), /BadRequest/],
    [
      'a PNG that calls itself a GIF',
      async () => Buffer.concat([Buffer.from('GIF89a'), await halves(9, 9).png().toBuffer()]),
      /BadRequest/,
    ],
    ['an SVG that reads a file', () => svg, /BadRequest/],
    ['an SVG with an external entity', () => entity, /BadRequest/],
    ['text', () => 'no picture at all', /BadRequest/],
    ['nothing', () => '', /BadRequest/],
    ['more than 20 MB', () => Buffer.alloc(20 * 1024 * 1024 + 1), /ImageTooLarge/],
  ];
  for (const [name, body, codes] of rows) {
    test(`${name} is refused by name, and the next one is served`, async () => {
      await put('hostile', await body());
      const reply = await ask('hostile', 'image/resize,w_100');
      assert.match(code(reply), codes, reply.body.toString('utf8', 0, 400));
      assert.equal(reply.status, 400);
      assert.doesNotMatch(reply.body.toString(), /root:/);
      assert.equal(await shape('cat.jpg', 'image/resize,w_50'), 'jpeg 50x25');
    });
  }

  test('a picture that is only large is shrunk while it is read', async () => {
    await put('large.png', bomb(8200, 8200, 8200));
    assert.equal(await shape('large.png', 'image/resize,w_100'), 'png 100x100');
    assert.equal(code(await ask('large.png', 'image/rotate,90')), 'ImageTooLarge');
  });
});

describe('styles', () => {
  const style = (method: string, name: string | undefined, content?: string) =>
    ossCall(sluice, {
      ...{ method, bucket, query: { style: '', ...(name === undefined ? {} : { styleName: name }) } },
      ...(content === undefined ? {} : { body: `<Style><Content>${content}</Content></Style>` }),
    });

  test('are put, read, listed, used and deleted', async () => {
    assert.equal((await style('PUT', 'small', 'image/resize,w_20')).status, 200);
    assert.equal((await style('PUT', 'square', 'image/resize,m_fill,w_30,h_30')).status, 200);
    const one = (await style('GET', 'small')).body.toString();
    assert.match(one, /<Style>.*<Name>small<\/Name>.*<Content>image\/resize,w_20<\/Content>.*<CreateTime>\w{3}, .* GMT<\/CreateTime>/s);
    const list = (await style('GET', undefined)).body.toString();
    assert.deepEqual(
      [...list.matchAll(/<Name>(.*?)<\/Name>/g)].map((match) => match[1]),
      ['small', 'square'],
    );
    assert.equal(await shape('cat.jpg', 'style/small'), 'jpeg 20x10');
    assert.equal(await shape('cat.jpg', 'style/square'), 'jpeg 30x30');
    assert.equal((await style('PUT', 'small', 'image/resize,w_40')).status, 200);
    assert.equal(await shape('cat.jpg', 'style/small'), 'jpeg 40x20');
    assert.equal((await style('DELETE', 'small')).status, 204);
    assert.equal(code(await style('GET', 'small')), 'NoSuchStyle');
    assert.equal(code(await ask('cat.jpg', 'style/small')), 'NoSuchStyle');
  });

  test('are refused when they say nothing that is carried out', async () => {
    assert.equal(code(await style('PUT', 'bad', 'image/enlarge,w_20')), 'InvalidArgument');
    assert.equal(code(await style('PUT', 'bad', 'video/snapshot')), 'InvalidArgument');
    assert.equal(code(await style('PUT', 'bad name', 'image/resize,w_20')), 'InvalidArgument');
    assert.equal(code(await style('PUT', undefined, 'image/resize,w_20')), 'MissingArgument');
  });
});

describe('sys/saveas', () => {
  const save = (process: string) =>
    ossCall(sluice, { method: 'POST', bucket, key: 'cat.jpg', query: { 'x-oss-process': '' }, body: `x-oss-process=${process}` });

  test('keeps the result as an object', async () => {
    await createBucket(sluice, 'kept');
    const reply = await save(`image/resize,w_60|sys/saveas,o_${base64('small/cat.jpg')},b_${base64('kept')}`);
    assert.equal(reply.status, 200, reply.body.toString());
    const told = JSON.parse(reply.body.toString());
    const kept = await ossDo(sluice, { method: 'GET', bucket: 'kept', key: 'small/cat.jpg' });
    assert.deepEqual(told, { bucket: 'kept', fileSize: kept.body.length, object: 'small/cat.jpg', status: 'OK' });
    assert.equal(kept.headers['content-type'], 'image/jpeg');
    assert.equal((await sharp(kept.body).metadata()).width, 60);
  });

  test('needs a bucket that is there, and a picture', async () => {
    assert.equal(code(await save(`image/resize,w_60|sys/saveas,o_${base64('x')},b_${base64('none-such')}`)), 'NoSuchBucket');
    assert.equal(code(await save('image/resize,w_60')), 'NotImplemented');
  });
});

describe('vendor SDKs', () => {
  for (const client of [clients.oss2Newest, clients.aliOss]) {
    for (const signature of ['v1', 'v4'] as const) {
      test(`${client.name}, ${signature}`, { skip: client.skip }, async () => {
        const { results } = await runClient(client, sluice, signature, [
          { op: 'process', bucket, key: 'cat.jpg', process: 'image/resize,w_80' },
        ]);
        const [{ ok, body = '' }] = results as [StepResult];
        assert.ok(ok, JSON.stringify(results));
        assert.equal((await sharp(Buffer.from(body, 'base64')).metadata()).width, 80);
      });
    }
  }
});
