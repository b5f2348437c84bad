/** The command line against a running server: bin/sluice dev. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Cli } from './harness/cli.ts';
import { send } from './harness/http.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

let sluice: Sluice;
let cli: Cli;

before(async () => {
  sluice = await startSluice();
  cli = new Cli(sluice);
});
after(async () => {
  await cli.good('function delete shout');
  cli.remove();
  await sluice.finish(async () => {});
});

test('dev deploys at each save, shows the result and the log, and a URL for both', async (t) => {
  await cli.good('function init shout');
  const child = cli.start(['dev', 'shout', '--query', 'suffix=!']);
  t.after(() => child.kill('SIGKILL'));
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const sees = async (pattern: RegExp) => {
    const deadline = performance.now() + 60_000;
    while (!pattern.test(printed)) {
      assert.ok(performance.now() < deadline && child.exitCode === null, `${pattern} is not in:\n${printed}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const found = pattern.exec(printed)?.[0] ?? '';
    printed = printed.slice(printed.indexOf(found) + found.length);
    return found;
  };
  const edit = (change: (source: string) => string) => {
    const file = cli.path('shout/index.ts');
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  };

  await sees(/shout is made/);
  await sees(
    /bucket +sluice-dev \(made\)\nobject +hello\.txt\naccess point +sluice-dev \(made\)\nObject FC access point +dev-shout \(made\)/,
  );
  const url = await sees(/http:\S+/);
  await sees(/200, text\/plain; charset=utf-8, 14 bytes in \d+ ms\n {2}\| HELLO, WORLD\n {2}\| !/);
  // One is on standard output, the other on standard error: either may be first.
  await sees(/(?=[\s\S]*\[INFO\] \S+hello\.txt for acs:ram)(?=[\s\S]*Ctrl C ends)/);
  printed = '';

  const visit = () => send(sluice.data, { path: url.slice(new URL(url).origin.length) });
  edit((source) => source.replace('toUpperCase', 'toLowerCase'));
  await sees(/shout is updated[\s\S]*\| hello, world/);
  assert.equal((await visit()).body.toString(), 'hello, world\n!');
  // The log of what somebody else asked for.
  await sees(/\[INFO\][\s\S]*\[INFO\]/);

  edit((source) => source.replace('export default', 'export defaut'));
  await sees(/It does not work yet: .*SyntaxError/);
  edit((source) => source.replace('export defaut', 'export default').replace('toLowerCase', 'toUpperCase'));
  await sees(/200, text\/plain[\s\S]*\| HELLO, WORLD/);
  assert.equal((await visit()).body.toString(), 'HELLO, WORLD\n!');

  writeFileSync(cli.path('shout/sluice.yaml'), 'runtime: cobol\n');
  await sees(/Not deployed: InvalidArgument: runtime "cobol"/);
  child.kill('SIGINT');
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  assert.equal(code, 0);
  await sees(/The function shout, the bucket sluice-dev and the access points stay\./);
});
