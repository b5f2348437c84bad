/**
 * Every way in which a function can fail, at every step, against every kind of client; and the page that tells of it, docs/failures.md, is what was seen.
 * With SLUICE_WRITE_FAILURES=1 the page is written anew.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask } from './failures/client.ts';
import { type ClientName, clients, expected, type Outcome, type Row, renderPage, rows } from './failures/table.ts';
import {
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  filesOf,
  functionArn,
  ossDo,
} from './harness/deploy.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const bucket = 'acc-failures';
const key = 'object.txt';
/** Bytes of a whole answer; functions/failing makes as many. */
const length = 512 * 1024;
const page = join(root, 'docs', 'failures.md');

test('docs/failures.md is what the table says, and no cell is blank', { skip: process.env.SLUICE_WRITE_FAILURES !== undefined }, () => {
  assert.equal(
    readFileSync(page, 'utf8'),
    renderPage(expected),
    'write it with SLUICE_WRITE_FAILURES=1 node --test test/acceptance/failures.test.ts',
  );
  for (const row of rows) for (const client of clients) assert.notEqual(expected(row, client).trim(), '', `${row.order}, ${client}`);
});

describe('a function that fails', { skip: python.skip }, () => {
  let sluice: Sluice;
  const functions = ['failing', 'brief', 'unstarted', 'stuck', 'web', 'webbrief'];
  const aliases = new Map<string, string>();
  const seen = new Map<string, Outcome>();

  before(async () => {
    sluice = await startSluice({ env: { SLUICE_TRANSFORMS_IDLE_MS: '3000' } });
    await createBucket(sluice, bucket);
    await createAccessPoint(sluice, bucket, 'ap-failures');
    // More than sockets hold, so that half of it can be read.
    await ossDo(sluice, { method: 'PUT', bucket, key, body: Buffer.alloc(16 << 20, 'o') });
    const failing = filesOf(join(root, 'test', 'acceptance', 'functions', 'failing'));
    const text = (source: string) => [{ name: 'index.py', data: Buffer.from(source) }];
    await deployFunction(sluice, 'failing', failing, { timeout: 60 });
    await deployFunction(sluice, 'brief', failing, { timeout: 2 });
    await deployFunction(sluice, 'unstarted', text('import os\nos.kill(os.getpid(), 9)\n'), { timeout: 60 });
    const stuck = 'import time\ndef start(context):\n    time.sleep(600)\ndef handler(event, context):\n    print("ran", event)\n';
    const instanceLifecycleConfig = { initializer: { handler: 'index.start', timeout: 1 } };
    await deployFunction(sluice, 'stuck', text(stuck), { timeout: 60, settings: { instanceLifecycleConfig } });
    const web = filesOf(join(root, 'test', 'acceptance', 'functions', 'failing-web'));
    const settings = { runtime: 'nodejs24', handler: 'index.fetch' };
    await deployFunction(sluice, 'web', web, { timeout: 60, settings });
    await deployFunction(sluice, 'webbrief', web, { timeout: 2, settings });
    for (const name of functions) {
      aliases.set(name, await createObjectFc(sluice, { bucket, accessPoint: 'ap-failures', name, functionName: name }));
    }
    const roleOf = (name: string) => `acs:ram::${sluice.accountId}:role/${name}`;
    aliases.set('missing', await objectFc('missing', processing('no-such-function', roleOf('aliyunfcdefaultrole'))));
    aliases.set('forbidden', await objectFc('forbidden', processing('failing', roleOf('aliyunossdefaultrole'))));
    aliases.set(
      'busy',
      await objectFc('busy', processing('brief', roleOf('aliyunfcdefaultrole'), '<Limits><InFlight>1</InFlight></Limits>')),
    );
    aliases.set('unconfigured', await objectFc('unconfigured', ''));
  });
  after(() =>
    sluice?.finish(async () => {
      for (const name of functions) await deleteFunction(sluice, name);
    }),
  );

  function processing(name: string, role: string, limits = ''): string {
    return `<ObjectProcessConfiguration><TransformationConfigurations><TransformationConfiguration><Actions><Action>GetObject</Action></Actions>
      <ContentTransformation><FunctionCompute><FunctionArn>${functionArn(sluice, name)}</FunctionArn><FunctionAssumeRoleArn>${role}</FunctionAssumeRoleArn>
      </FunctionCompute></ContentTransformation></TransformationConfiguration></TransformationConfigurations>${limits}</ObjectProcessConfiguration>`;
  }

  /** An Object FC access point with this configuration; its alias. */
  async function objectFc(name: string, configuration: string): Promise<string> {
    const reply = await ossDo(sluice, {
      ...{ method: 'PUT', bucket, query: { accessPointForObjectProcess: '' } },
      headers: { 'content-type': 'application/xml', 'x-oss-access-point-for-object-process-name': name },
      body: `<CreateAccessPointForObjectProcessConfiguration><AccessPointName>ap-failures</AccessPointName>${configuration}</CreateAccessPointForObjectProcessConfiguration>`,
    });
    return /Alias>([^<]+)</.exec(reply.body.toString())?.[1] as string;
  }

  /** One client more than the access point may have at a time, until its function is out of time. */
  async function occupy(): Promise<void> {
    void ask(sluice, 'GET', { alias: aliases.get('busy') as string, key, query: { do: 'before-hang', cell: 'occupant' }, length });
    while (runsOf('occupant') === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** How often the function printed that it has the event of this cell. */
  const runsOf = (cell: string) =>
    sluice.log.split('\n').filter((line) => line.includes('"function output"') && line.includes(`ran ${cell}"`)).length;

  async function cellOf(row: Row, client: ClientName, cell: string): Promise<void> {
    const alias = aliases.get(row.fn) as string;
    seen.set(`${row.order} ${client}`, await ask(sluice, client, { alias, key, query: { do: row.order, cell }, length }));
  }

  for (const row of rows) {
    test(`it ${row.what} (${row.order})`, async () => {
      const cells = clients.map((client) => [client, `${row.order}-${clients.indexOf(client)}`] as const);
      if (row.fn === 'busy') await occupy();
      await Promise.all(cells.map(([client, cell]) => cellOf(row, client, cell)));
      await sluice.quiet();
      for (const [client, cell] of cells) {
        assert.equal(seen.get(`${row.order} ${client}`), expected(row, client), `${client} client`);
        const runs = runsOf(cell);
        // Who leaves early may have left before the function had the event.
        if (client === 'gone') assert.ok(runs <= row.runs, `${cell} ran ${runs} times`);
        else assert.equal(runs, row.runs, `${cell} ran`);
      }
    });
  }

  test('every cell was seen', () => {
    const asSeen = renderPage((row, client) => seen.get(`${row.order} ${client}`) ?? '');
    if (process.env.SLUICE_WRITE_FAILURES !== undefined) writeFileSync(page, asSeen);
    assert.equal(asSeen, readFileSync(page, 'utf8'));
  });
});
