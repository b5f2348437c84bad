import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hierarchies } from './hierarchies.ts';

const old = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`;

test('version 1: one folder a controller, below what the mount shows', () => {
  const found = hierarchies(old, '9:name=systemd:/\n8:pids:/user.slice\n4:memory:/docker/abc/inner\n1:cpu,cpuacct:/\n0::/x\n');
  assert.deepEqual(found, [
    { version: 1, controllers: ['cpu'], folder: '/sys/fs/cgroup/cpu,cpuacct' },
    { version: 1, controllers: ['memory'], folder: '/sys/fs/cgroup/memory/inner' },
    { version: 1, controllers: ['pids'], folder: '/sys/fs/cgroup/pids/user.slice' },
    { version: 2, controllers: [], folder: '/sys/fs/cgroup/unified/x' },
  ]);
});

test('version 2: the one hierarchy, in a service and in a container', () => {
  const mount = (root: string) => `30 24 0:26 ${root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate`;
  assert.deepEqual(hierarchies(mount('/'), '0::/system.slice/sluice.service\n'), [
    { version: 2, controllers: [], folder: '/sys/fs/cgroup/system.slice/sluice.service' },
  ]);
  assert.deepEqual(hierarchies(mount('/'), '0::/\n'), [{ version: 2, controllers: [], folder: '/sys/fs/cgroup' }]);
  assert.deepEqual(hierarchies(mount('/kubepods/pod1'), '0::/kubepods/pod1\n'), [
    { version: 2, controllers: [], folder: '/sys/fs/cgroup' },
  ]);
});

test('no hierarchy, no groups', () => {
  assert.deepEqual(hierarchies('', ''), []);
  assert.deepEqual(hierarchies('31 23 0:28 / /tmp rw - tmpfs tmpfs rw', '0::/'), []);
});
