import type { Launch } from './sandbox.ts';

/** Resource limits as a shell sets them. */
export interface ResourceLimits {
  /** Largest file, bytes. */
  fileBytes: number;
  /** Private memory of each process, MB; undefined: no limit. */
  dataMb: number | undefined;
  /** Processes and threads of the user; undefined: no limit. */
  processes: number | undefined;
  openFiles: number;
}

/**
 * First stage, as the server's user and with an empty environment: joins the control groups and takes on the limits, then becomes `$@`.
 * A limit that is lower already stays. `-p` is what dash calls the number of processes.
 */
const enter = `IFS=:
for folder in $1; do echo 0 > "$folder/cgroup.procs" || exit 125; done
unset IFS
ulimit -c 0
ulimit -n $2 2>/dev/null
ulimit -f $3 2>/dev/null
[ $4 = - ] || ulimit -d $4 2>/dev/null
[ $5 = - ] || ulimit -u $5 2>/dev/null || ulimit -p $5 2>/dev/null
shift 5
exec "$@"`;

/**
 * Last stage, as the function's user: takes the environment from a descriptor and becomes the program. The environment comes this late
 * because a variable such as LD_PRELOAD must not reach a program that still has the server's rights, and not as arguments, because those are
 * for everybody to read.
 */
const become = `[ $2 = - ] || ulimit -u $2 2>/dev/null || ulimit -p $2 2>/dev/null
text=
while IFS= read -r line <&$1; do text="$text$line
"; done
eval "exec $1<&-"
shift 2
unset PWD OLDPWD SHLVL line
eval "unset text; $text"
exec "$@"`;

const kibibyte = 1024;
/** What every shell counts file sizes in. Bytes. */
const fileBlock = 512;
/** Names that a shell can give on; others would be lost without a word, so they are left out here. */
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The words that start `command` inside control groups and under limits. */
export function entering(groups: readonly string[], limits: ResourceLimits, command: readonly string[]): string[] {
  const { fileBytes, dataMb, processes, openFiles } = limits;
  const data = dataMb === undefined ? '-' : String(dataMb * kibibyte);
  const count = processes === undefined ? '-' : String(processes);
  return [
    '/bin/sh',
    '-c',
    enter,
    'sluice',
    groups.join(':'),
    String(openFiles),
    String(Math.ceil(fileBytes / fileBlock)),
    data,
    count,
    ...command,
  ];
}

/**
 * The words that give `program` its environment, which `environmentText` has written to descriptor `from`.
 * @param processes that the user of its namespace may have, where it has a user namespace of its own
 */
export function becoming(from: number, processes: number | undefined, { program, args }: Pick<Launch, 'program' | 'args'>): string[] {
  return ['/bin/sh', '-c', become, 'sluice', String(from), processes === undefined ? '-' : String(processes), program, ...args];
}

/** An environment as the last stage reads it. */
export function environmentText(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env)
    .filter(([name]) => variableName.test(name))
    .map(([name, value]) => `export ${name}='${value.replaceAll('\0', '').replaceAll("'", "'\\''")}'\n`);
  return `${lines.join('')}\n`;
}

/** The words that give up the server's user for `uid`, if there is one, and any way to more privileges. */
export function droppingTo(uid: number | undefined, setpriv: string | undefined, dieWithParent: boolean): string[] {
  if (setpriv === undefined) return [];
  const user = uid === undefined ? [] : ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--inh-caps=-all'];
  return [setpriv, ...user, '--no-new-privs', ...(dieWithParent ? ['--pdeathsig', 'KILL'] : []), '--'];
}
