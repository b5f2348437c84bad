import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Abort, type Signal } from './signal.ts';

/** What listeners of a signal hear, where one of them stops listening, and one takes another away. */
function hear(signal: Signal): string[] {
  const heard: string[] = [];
  const gone = () => heard.push('gone');
  signal.addEventListener('abort', () => heard.push(`first, ${String(signal.aborted)}`), { once: true });
  signal.addEventListener('abort', gone);
  signal.removeEventListener('abort', gone);
  const taken = () => heard.push('taken away');
  signal.addEventListener('abort', () => signal.removeEventListener('abort', taken));
  signal.addEventListener('abort', taken);
  signal.addEventListener('abort', () => heard.push('last'));
  return heard;
}

test('an Abort tells what an AbortController tells', () => {
  const own = new Abort();
  const nodes = new AbortController();
  const reason = new Error('the client left');
  for (const [controller, signal] of [
    [own, own],
    [nodes, nodes.signal],
  ] as const) {
    signal.throwIfAborted();
    const heard = hear(signal);
    controller.abort(reason);
    controller.abort(new Error('again'));
    assert.deepEqual(heard, ['first, true', 'last']);
    assert.equal(signal.reason, reason);
    assert.throws(() => signal.throwIfAborted(), reason);
    const late = hear(signal);
    controller.abort(reason);
    assert.deepEqual(late, []);
  }
});
