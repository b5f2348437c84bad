import { runCli } from './index.ts';

// Whoever reads standard output may have enough of it, as head does: 128 and the number of SIGPIPE.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 141 : 1));

process.exitCode = await runCli(process.argv.slice(2));
