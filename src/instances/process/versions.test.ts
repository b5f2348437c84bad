import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchPath } from '../config.ts';
import { json, openStage } from '../fixture.ts';
import { Interpreters } from './interpreter.ts';

const code = `
import logging, subprocess, sys
def handler(event, context):
    logging.info("hello")
    print(subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE).stdout)
    return {"version": list(sys.version_info[:2]), "name": context.function.name}
def fail(event, context):
    raise ValueError("bad")
def leave(event, context):
    sys.exit(1)
`;

const interpreters = new Interpreters({ configured: undefined, searchPath: searchPath() });
for (const minor of [9, 10, 11, 12, 13]) {
  const runtime = `python3.${minor}`;
  const found = await interpreters.find(runtime, undefined);
  const isExact = found?.version.startsWith(`3.${minor}.`) === true;
  test(`the host works on ${runtime}`, { skip: isExact ? false : `no ${runtime} on this machine` }, async (t) => {
    const stage = await openStage(t, { 'index.py': code }, { python: { interpreter: found?.path } });
    const { uid: _none, ...fn } = stage.fn({ runtime: 'python3.10' });
    const result = await stage.instances.invoke(fn, stage.call({ logTail: true }));
    assert.deepEqual(json(result), { version: [3, minor], name: 'resize' });
    assert.match(result.logTail ?? '', /\[INFO\] hello\nb'1\\n'\n/);
    const failed = await stage.instances.invoke({ ...fn, handler: 'index.fail', revision: 'fail' }, stage.call());
    assert.deepEqual(json(failed), {
      errorMessage: 'bad',
      errorType: 'ValueError',
      stackTrace: ['File "/code/index.py", line 8, in fail'],
    });
    const left = await stage.instances.invoke({ ...fn, handler: 'index.leave', revision: 'leave' }, stage.call());
    assert.equal(left.failure?.kind, 'exited');
  });
}
