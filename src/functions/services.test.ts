import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accountId, faultOf, openRoom, python, pythonZip, type Room } from './fixture.ts';
import { nameIn, namesOf, sessionNameOf, withQualifier } from './index.ts';

const role = `acs:ram::${accountId}:role/worker`;
const arn = (path: string) => `acs:fc:cn-qingdao:${accountId}:${path}`;

let room: Room;
before(async () => {
  room = await openRoom();
});
after(() => room.close());

async function make(service: string, ...names: string[]): Promise<void> {
  await room.functions.services.create({ serviceName: service, role, logConfig: { project: 'p', logstore: 'l' } });
  for (const name of names) await room.functions.services.createFunction(service, python(name), { zip: await pythonZip() });
}

test('names and ARNs of functions of services', () => {
  assert.equal(nameIn('a', 'b'), 'a$b');
  assert.deepEqual(
    [namesOf('a$b'), namesOf('b')],
    [
      { service: 'a', name: 'b' },
      { service: '', name: 'b' },
    ],
  );
  assert.equal(withQualifier(arn('services/a/functions/b'), 'prod'), arn('services/a.prod/functions/b'));
  assert.equal(withQualifier(arn('functions/b'), 'prod'), arn('functions/b/prod'));
  // A session of a role is named by these characters alone, at most 64.
  assert.match(sessionNameOf(`${'s'.repeat(128)}$${'f'.repeat(64)}`), /^[A-Za-z0-9.@_-]{1,64}$/);
});

test('a function shares what its service decides, and both outlast a restart with versions and aliases', async () => {
  await make('one', 'f', 'g');
  const { services } = room.functions;
  await services.versions.publish('one', { description: 'd' });
  await services.versions.createAlias('one', { aliasName: 'prod', versionId: '1' });
  await services.update('one', { role: '', internetAccess: false });
  await services.tag('one', { team: 'a' });
  const look = () => {
    const { functions } = room;
    const [now, then] = [functions.resolve('one$f'), functions.resolve('one$f', 'prod')];
    return [
      [now.role, now.logProject, functions.get('one$f')?.internetAccess],
      [then.role, then.logProject, then.qualifier, then.versionId, functions.get('one$f', '1')?.internetAccess],
      [functions.services.get('one').role, functions.services.get('one', 'prod').role, functions.services.tags('one')],
      functions.services.functions('one', { qualifier: '1' }).functions.map((it) => it.functionName),
      functions.aliases.list('one$g').aliases.map((it) => it.aliasName),
    ];
  };
  const expected = [[undefined, 'p', false], [role, 'p', 'prod', '1', true], ['', role, { team: 'a' }], ['one$f', 'one$g'], ['prod']];
  assert.deepEqual(look(), expected);
  await room.reopen();
  assert.deepEqual(look(), expected);
  // Numbers are not given twice, also after a restart.
  await room.functions.services.versions.removeAlias('one', 'prod');
  await room.functions.services.versions.remove('one', '1');
  assert.equal((await room.functions.services.versions.publish('one')).versionId, '2');
  assert.throws(() => room.functions.resolve('one$f', '1'), faultOf('VersionNotFound', /1/));
});

test('ARNs of both forms find it; without such a service the older form means the function of 3.0', async () => {
  await make('two', 'echo');
  await room.functions.services.versions.publish('two');
  await room.functions.create(python('echo'), { zip: await pythonZip() });
  const found = (text: string) => {
    const { name, qualifier, arn: own } = room.functions.resolve(text);
    return [name, qualifier, own.slice(arn('').length)];
  };
  const own = 'services/two/functions/echo';
  assert.deepEqual(found(arn('services/two/functions/echo')), ['two$echo', 'LATEST', own]);
  assert.deepEqual(found(arn('services/two.1/functions/echo')), ['two$echo', '1', own]);
  assert.deepEqual(found(arn('functions/two$echo')), ['two$echo', 'LATEST', own]);
  assert.deepEqual(found(arn('functions/two$echo/1')), ['two$echo', '1', own]);
  assert.deepEqual(found('two$echo'), ['two$echo', 'LATEST', own]);
  assert.deepEqual(found(arn('services/nowhere.LATEST/functions/echo')), ['echo', 'LATEST', 'functions/echo']);
  assert.deepEqual(found(arn('functions/echo')), ['echo', 'LATEST', 'functions/echo']);
  // The service is there: its missing function is not another's.
  await room.functions.create(python('only3'), { zip: await pythonZip() });
  assert.throws(() => found(arn('services/two/functions/only3')), faultOf('FunctionNotFound', /two\$only3/));
  const zip = await pythonZip();
  assert.throws(() => room.functions.create(python('two$x'), { zip }), faultOf('InvalidArgument', /functionName/));
});

test('a version is of one moment, whatever changes at the same time', async () => {
  await make('busy', 'a', 'b');
  const { functions } = room;
  const { services } = functions;
  const timeouts = [11, 12, 13, 14];
  const changes = timeouts.flatMap((timeout) => [
    functions.update('busy$a', { timeout }),
    functions.update('busy$b', { timeout }),
    services.update('busy', { description: String(timeout) }),
    services.versions.publish('busy'),
  ]);
  changes.push(services.createFunction('busy', python('c'), { zip: await pythonZip() }));
  await Promise.all(changes);
  const versions = services.versions.list('busy', { direction: 'FORWARD' }).versions.map((it) => it.versionId);
  assert.deepEqual(versions, ['1', '2', '3', '4']);
  for (const [at, id] of versions.entries()) {
    assert.equal(services.get('busy', id).description, String(timeouts[at]));
    for (const name of ['busy$a', 'busy$b']) assert.ok((functions.get(name, id)?.timeout ?? 0) >= (timeouts[at] ?? 0), name);
  }
  await assert.rejects(services.update('busy', {}, 'old'), faultOf('PreconditionFailed', /If-Match/));
  await assert.rejects(functions.update('busy$a', {}, undefined, 'old'), faultOf('PreconditionFailed', /If-Match/));
  const { revision } = services.get('busy');
  await services.update('busy', { description: 'ok' }, `"${revision}"`);
});

test('a change of the service ends what runs with what was before, and a change of its words does not', async () => {
  await make('told', 'f');
  const heard: string[] = [];
  room.functions.onChange((name) => void heard.push(name));
  await room.functions.services.update('told', { description: 'x' });
  assert.deepEqual(heard, []);
  await room.functions.services.update('told', { logConfig: { project: 'q', logstore: 'l' } });
  assert.deepEqual(heard, ['told$f']);
  assert.equal(room.functions.resolve('told$f').logProject, 'q');
});

test('a service goes with its versions and aliases, and only when it is empty', async () => {
  await make('gone', 'f');
  const { services } = room.functions;
  await services.versions.publish('gone');
  await assert.rejects(services.remove('gone'), faultOf('ServiceNotEmpty', /f/));
  await room.functions.remove('gone$f');
  await services.remove('gone');
  assert.throws(() => services.get('gone'), faultOf('ServiceNotFound', /gone/));
  await room.reopen();
  assert.throws(() => room.functions.services.get('gone'), faultOf('ServiceNotFound', /gone/));
  await assert.rejects(
    room.functions.services.createFunction('gone', python('f'), { zip: await pythonZip() }),
    faultOf('ServiceNotFound', /gone/),
  );
});
