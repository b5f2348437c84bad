import type { Blobs } from '../../blobs/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import type { ObjectCache } from './cache.ts';
import type { Garbage } from './garbage.ts';
import type { Pins } from './pins.ts';
import type { Recorder } from './recorder.ts';
import type { Registry } from './registry.ts';
import type { SteadyClock } from './steady-clock.ts';

/** What the parts of the embedded store work with. */
export interface StoreParts {
  readonly metadata: Metadata;
  readonly blobs: Blobs;
  readonly pins: Pins;
  readonly registry: Registry;
  readonly cache: ObjectCache;
  readonly garbage: Garbage;
  readonly recorder: Recorder;
  readonly clock: SteadyClock;
}
