import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Fault } from '../../faults/index.ts';
import { codeOf, type Harness, openHarness, sessionOf } from './fixture.ts';
import { readImageProcess } from './process-plan.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64url');

describe('what a request asks for', () => {
  const stepsOf = (process: string) => JSON.parse(JSON.stringify(readImageProcess(process).plan.steps));

  test('operations in their order, with the vendor’s defaults', () => {
    assert.deepEqual(stepsOf('image/resize,w_100/crop,w_50,g_se/rotate,90'), [
      { kind: 'resize', mode: 'lfit', width: 100, enlarge: false, color: 'FFFFFF' },
      { kind: 'crop', width: 50, x: 0, y: 0, gravity: 'se' },
      { kind: 'rotate', degrees: 90 },
    ]);
    assert.deepEqual(stepsOf('image/resize,m_pad,h_5,limit_0,color_00ff00'), [
      { kind: 'resize', mode: 'pad', height: 5, enlarge: true, color: '00ff00' },
    ]);
  });

  test('the form of the result, wherever it stands', () => {
    const { plan } = readImageProcess('image/format,webp/resize,w_1/quality,Q_30/auto-orient,1/interlace,1');
    assert.deepEqual(JSON.parse(JSON.stringify(plan.output)), { progressive: true, format: 'webp', absolute: 30 });
    assert.equal(plan.orient, true);
    assert.equal(readImageProcess('image/info').plan.wanted, 'info');
    assert.equal(readImageProcess('image/format,src').plan.output.format, undefined);
  });

  test('watermarks of text and of pictures, which are processed first', () => {
    const text = `text_${base64('Grüße 你好')},type_${base64('droidsansfallback')},size_30,color_FF0000,t_60,g_nw,x_1,y_2`;
    const image = `image_${base64('logos/a b.png?x-oss-process=image/resize,P_30/rotate,45')},fill_1`;
    const { plan, marks } = readImageProcess(`image/watermark,${text}/watermark,${image}`);
    assert.deepEqual(marks, ['logos/a b.png']);
    const [first, second] = JSON.parse(JSON.stringify(plan.steps));
    assert.deepEqual(
      [first.text.text, first.text.size, first.opacity, first.gravity, first.x, first.y],
      ['Grüße 你好', 30, 60, 'nw', 1, 2],
    );
    assert.deepEqual(second.image, {
      input: 1,
      steps: [
        { kind: 'resize', mode: 'lfit', percentOfMain: 30, enlarge: false, color: 'FFFFFF' },
        { kind: 'rotate', degrees: 45 },
      ],
    });
    assert.deepEqual([second.tile, second.gravity, second.x, second.y], [true, 'se', 10, 10]);
  });

  const refused: [process: string, code: string][] = [
    ['image/resize,w_1,w_2', 'InvalidArgument'],
    ['image/resize,w_-1', 'InvalidArgument'],
    ['image/resize,w_1.5', 'InvalidArgument'],
    ['image/resize,m_lfit', 'MissingArgument'],
    ['image/resize,P_30', 'InvalidArgument'],
    ['image/resize,w_1,color_red', 'InvalidArgument'],
    ['image/crop,g_face', 'InvalidArgument'],
    ['image/rotate,361', 'InvalidArgument'],
    ['image/rotate', 'MissingArgument'],
    ['image/blur,r_5', 'MissingArgument'],
    ['image/sharpen,49', 'InvalidArgument'],
    ['image/bright,101', 'InvalidArgument'],
    ['image/quality,q_0', 'InvalidArgument'],
    ['image/format,svg', 'InvalidArgument'],
    ['image/constructor', 'InvalidArgument'],
    ['image/__proto__', 'InvalidArgument'],
    ['image/watermark,text_A', 'BadRequest'],
    [`image/watermark,text_${Buffer.from([0xff, 0xfe]).toString('base64url')}`, 'BadRequest'],
    [`image/watermark,text_${base64('x'.repeat(65))}`, 'InvalidArgument'],
    [`image/watermark,text_${base64('x')},type_${base64('comic')}`, 'InvalidArgument'],
    [`image/watermark,image_${base64('a?x-oss-process=image/watermark,text_eA')}`, 'WatermarkError'],
    [`image/watermark,image_${base64('a?x-oss-process=style/b')}`, 'WatermarkError'],
    [`image${`/watermark,image_${base64('a')}`.repeat(4)}`, 'InvalidArgument'],
    [`image${'/rotate,1'.repeat(33)}`, 'InvalidArgument'],
    [`image/${'x'.repeat(20_000)}`, 'InvalidArgument'],
  ];
  for (const [process, code] of refused) {
    test(`${process.slice(0, 60)} is ${code}`, () => {
      assert.throws(
        () => readImageProcess(process),
        (error) => error instanceof Fault && error.code === code,
      );
    });
  }
});

describe('over the wire', () => {
  let oss: Harness;
  before(async () => {
    oss = await openHarness();
    await oss.send('PUT', 'photos', '');
    await oss.send('PUT', 'photos', 'cat.png', { body: 'a picture' });
    await oss.send('PUT', 'photos', 'secret/logo.png', { body: 'a mark' });
  });
  after(() => oss.close());
  const put = (name: string, content = 'image/resize,w_10') =>
    oss.send('PUT', 'photos', '', { query: { style: '', styleName: name }, body: `<Style><Content>${content}</Content></Style>` });

  test('styles that are put at the same time are all there', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `style-${String(i).padStart(2, '0')}`);
    const answers = await Promise.all(names.map((name) => put(name)));
    assert.ok(answers.every(({ status }) => status === 200));
    const list = await oss.send('GET', 'photos', '', { query: { style: '' } });
    assert.deepEqual(
      [...list.text.matchAll(/<Name>(.*?)<\/Name>/g)].map((match) => match[1]),
      names,
    );
    for (const name of names) await oss.send('DELETE', 'photos', '', { query: { style: '', styleName: name } });
    assert.doesNotMatch((await oss.send('GET', 'photos', '', { query: { style: '' } })).text, /<Name>/);
  });

  test('a bucket has fifty styles at most', async () => {
    for (let i = 0; i < 50; i++) assert.equal((await put(`s${i}`)).status, 200);
    assert.equal(codeOf(await put('s50')), 'InvalidArgument');
    assert.equal((await put('s49', 'image/resize,w_11')).status, 200, 'one that is there may change');
  });

  test('a style says when it was made and when it was changed', async () => {
    await put('s1', 'image/resize,w_12');
    const { text } = await oss.send('GET', 'photos', '', { query: { style: '', styleName: 's1' } });
    assert.match(text, /<Category>image<\/Category><CreateTime>[^<]+ GMT<\/CreateTime><LastModifyTime>[^<]+ GMT<\/LastModifyTime>/);
    assert.equal(codeOf(await oss.send('GET', 'photos', '', { query: { style: '', styleName: 'toString' } })), 'NoSuchStyle');
  });

  test('a watermark is read with the caller’s own permission, unless the bucket’s owner named it in a style', async () => {
    const mark = `image/watermark,image_${base64('secret/logo.png')}`;
    await put('s2', mark);
    const key = await sessionOf(oss, 'viewer', [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:*:*:photos/cat.png' }]);
    const ask = (process: string) => oss.send('GET', 'photos', 'cat.png', { key, query: { 'x-oss-process': process } });
    assert.equal(codeOf(await ask(mark)), 'AccessDenied');
    // This server has nothing to process pictures with: it was let through as far as that.
    assert.equal(codeOf(await ask('style/s2')), 'NotImplemented');
    assert.equal(codeOf(await ask('image/resize,w_10')), 'NotImplemented');
  });

  test('sys/saveas needs the right to write what it makes', async () => {
    const statements = [{ Effect: 'Allow', Action: ['oss:GetObject', 'oss:PostProcessTask'], Resource: 'acs:oss:*:*:photos/cat.png' }];
    const key = await sessionOf(oss, 'maker', statements);
    const body = `x-oss-process=image/resize,w_1|sys/saveas,o_${base64('small.png')}`;
    const answer = await oss.send('POST', 'photos', 'cat.png', { key, query: { 'x-oss-process': '' }, body });
    assert.equal(codeOf(answer), 'AccessDenied');
    assert.match(answer.text, /oss:PutObject/);
  });
});
