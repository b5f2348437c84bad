import type { Level, Means } from './sandbox.ts';

/** What is in force, and what it does not prevent, in a few lines. */
export function notesOf(level: Level, { cgroups, without, dropPrivileges, setpriv }: Means): string[] {
  const notes: string[] = [];
  const why = without === undefined ? '' : ` (no bubblewrap: ${without})`;
  if (level === 'bubblewrap') {
    notes.push(
      'sandbox bubblewrap: functions see their own files and processes only; they share the network of this machine and its kernel',
    );
  } else if (level === 'user') {
    notes.push(
      `sandbox user: each function has a user id of its own${why}; it can still read what every user of this machine can, see the list of processes, and use the network`,
    );
  } else {
    notes.push(
      `sandbox none: functions run as the server's own user${why}; they can read the data folder and the keys, and stop the server: deploy only code that you trust`,
    );
  }
  if (!cgroups) notes.push('no control groups: memory is limited for each process of a function, not for all of them together');
  if (dropPrivileges && setpriv === undefined)
    notes.push('setpriv was not found: programs with the set-user-id bit work for functions too');
  return notes;
}
