import { readdirSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';
import { now } from '../kit/index.ts';

const startedAt = now() / 1000 - process.uptime();

/** What Prometheus calls by the same names for every program ("Writing client libraries", process metrics), read at each scrape. */
const figures: Record<string, { help: string; read: () => number | undefined }> = {
  process_cpu_seconds_total: {
    help: 'CPU seconds of the server, without those of functions.',
    read: () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  },
  process_resident_memory_bytes: {
    help: 'Resident memory of the server, without that of functions.',
    read: () => process.memoryUsage.rss(),
  },
  process_start_time_seconds: { help: 'When the server was started, epoch seconds.', read: () => startedAt },
  process_open_fds: { help: 'Open file descriptors.', read: openFiles },
  nodejs_heap_size_used_bytes: { help: 'JavaScript heap in use.', read: () => process.memoryUsage().heapUsed },
  nodejs_external_memory_bytes: { help: 'Buffers outside the heap.', read: () => process.memoryUsage().external },
};

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Not on this system.
    return undefined;
  }
}

/** Adds the figures of the process itself. */
export function addProcessMetrics(registry: Registry): void {
  for (const [name, { help, read }] of Object.entries(figures)) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = read();
        if (value !== undefined) this.set(value);
      },
    });
  }
}
