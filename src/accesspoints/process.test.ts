import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { readObjectProcess } from './process.ts';
import type { Transformation } from './record.ts';

const good: Transformation = {
  actions: ['getobject'],
  functionArn: 'acs:fc:cn-qingdao:1234567890123456:services/svc.LATEST/functions/resize',
  functionAssumeRoleArn: 'acs:ram::1234567890123456:role/aliyunfcdefaultrole',
  customForwardHeaders: ['X-Width'],
};

/** The element that the fault names, or undefined when the configuration is accepted. */
function refusedElement(change: Partial<Transformation>): string | undefined {
  try {
    readObjectProcess({ transformations: [{ ...good, ...change }] });
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'InvalidArgument');
    assert.ok(error.message.startsWith(error.extra.ArgumentName as string));
    return error.extra.ArgumentName;
  }
}

test('stores the action as GetObject however it was spelt, and repeated features once', () => {
  assert.deepEqual(readObjectProcess({ allowedFeatures: ['GetObject-Range', 'GetObject-Range'], transformations: [good] }), {
    allowedFeatures: ['GetObject-Range'],
    transformations: [{ ...good, actions: ['GetObject'] }],
  });
  assert.deepEqual(readObjectProcess({}), { allowedFeatures: [], transformations: [] });
});

test('takes every form of function and role ARN that the vendor writes', () => {
  for (const functionArn of [
    'acs:fc:cn-qingdao:1:functions/resize',
    'acs:fc:cn-qingdao:1:functions/resize/LATEST',
    'acs:fc:cn-qingdao:1:functions/resize/3',
    'acs:fc:cn-qingdao:1:services/svc/functions/resize',
    'acs:oss:cn-qingdao:1:services/svc.prod/functions/resize',
  ]) {
    assert.equal(refusedElement({ functionArn }), undefined, functionArn);
  }
  assert.equal(refusedElement({ functionAssumeRoleArn: 'acs:ram::1:role/AliyunFCDefaultRole' }), undefined);
});

test('names the element that is wrong', () => {
  for (const functionArn of [
    '',
    'resize',
    'acs:fc:cn-qingdao:1:functions/',
    'acs:fc:cn-qingdao:me:functions/f',
    'acs:fc::1:functions/f',
    'acs:ram::1:role/r',
    'acs:fc:r:1:functions/a/b/c',
    'acs:fc:r:1:functions/f\n',
  ]) {
    assert.equal(refusedElement({ functionArn }), 'FunctionArn', functionArn);
  }
  for (const functionAssumeRoleArn of ['', 'aliyunfcdefaultrole', 'acs:ram::1:user/x', 'acs:ram::x:role/r', 'acs:ram::1:role/']) {
    assert.equal(refusedElement({ functionAssumeRoleArn }), 'FunctionAssumeRoleArn', functionAssumeRoleArn);
  }
  assert.equal(refusedElement({ actions: [] }), 'Actions');
  assert.equal(refusedElement({ actions: ['GetObject', 'PutObject'] }), 'Action');
  assert.equal(refusedElement({ customForwardHeaders: ['a b'] }), 'CustomForwardHeader');
  assert.equal(refusedElement({ customForwardHeaders: Array(51).fill('x') }), 'CustomForwardHeaders');
  assert.throws(
    () => readObjectProcess({ allowedFeatures: ['GetObject-Part'] }),
    /^Fault: AllowedFeature must be one of GetObject-Range, Passthrough/,
  );
  assert.throws(() => readObjectProcess({ transformations: [good, good] }), /^Fault: TransformationConfigurations must hold one/);
});
