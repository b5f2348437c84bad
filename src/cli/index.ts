/**
 * The command line: noun, verb, options. It holds no logic of the server: `serve` starts the composition root, everything else talks HTTP.
 * bin/sluice calls it.
 */
export { runCli } from './program.ts';
