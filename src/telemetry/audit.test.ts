import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { after } from '../kit/index.ts';
import { type AuditEvent, openAudit } from './audit.ts';

const event: AuditEvent = {
  at: 1_700_000_000_000,
  requestId: 'A'.repeat(24),
  listener: 'data',
  operation: 'PutBucket',
  actor: 'acs:ram::1:root',
  resource: 'b',
  remote: '127.0.0.1',
  outcome: 'done',
  status: 200,
};

function linesOf(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const fail = (error: unknown) => assert.fail(String(error));

test('lines are JSON, in order, for the owner alone, and set aside by size', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-audit-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'audit', 'audit.log');
  const problems: unknown[] = [];
  for (let round = 0; round < 6; round += 1) {
    const audit = openAudit({ file, maxBytes: 2_000, files: 3, onProblem: (error) => problems.push(error), after });
    for (let i = 0; i < 5; i += 1) audit.write({ ...event, resource: `${round}-${i}` });
    audit.close();
    const again = openAudit({ file, maxBytes: 2_000, files: 3, onProblem: (error) => problems.push(error), after });
    again.write({ ...event, resource: `${round}-late` });
    again.close();
  }
  assert.deepEqual(problems, []);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(readdirSync(join(folder, 'audit')).length <= 3);
  const last = linesOf(file).at(-1);
  assert.deepEqual([last?.resource, last?.time, last?.operation], ['5-late', '2023-11-14T22:13:20.000Z', 'PutBucket']);
});

test('a log that grows within one run is rotated too, and the oldest goes', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-audit-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'audit.log');
  const pending: (() => void)[] = [];
  const audit = openAudit({
    file,
    maxBytes: 500,
    files: 2,
    onProblem: fail,
    after: (_ms, work) => {
      pending.push(work);
      return { cancel: () => {} };
    },
  });
  for (let i = 0; i < 20; i += 1) {
    audit.write({ ...event, resource: String(i) });
    pending.pop()?.();
  }
  audit.close();
  assert.ok(existsSync(`${file}.1`) && !existsSync(`${file}.2`));
  const kept = [...linesOf(`${file}.1`), ...linesOf(file)].map((line) => Number(line.resource));
  assert.equal(kept.at(-1), 19);
  assert.deepEqual(
    kept,
    [...kept].sort((a, b) => a - b),
  );
});

test('a flood of denials is counted, not kept; a state change is never dropped; trouble is told once', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-audit-'));
  t.after(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, 'audit.log');
  const audit = openAudit({ file, maxBytes: 1e9, files: 2, onProblem: fail, after });
  for (let i = 0; i < 12_000; i += 1) audit.write({ ...event, outcome: 'denied', status: 403, code: 'AccessDenied' });
  audit.write({ ...event, resource: 'the change' });
  audit.close();
  const lines = linesOf(file);
  assert.equal(lines.filter(({ outcome }) => outcome === 'denied').length, 10_000);
  assert.equal(lines.at(-1)?.denied, 2_000);
  assert.ok(lines.some(({ resource }) => resource === 'the change'));
  const problems: unknown[] = [];
  const broken = openAudit({
    file: join(file, 'not-a-folder', 'audit.log'),
    maxBytes: 1e9,
    files: 2,
    onProblem: (error) => problems.push(error),
    after,
  });
  broken.write(event);
  broken.close();
  assert.ok(problems.length >= 1 && problems.length <= 2);
});
