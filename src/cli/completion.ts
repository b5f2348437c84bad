import { Command } from 'commander';
import { CliFailure } from './failure.ts';
import { printLine } from './output.ts';

/** What may follow some words of a command line. */
export interface Continuations {
  /** The words so far, joined by spaces; '' is the beginning. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly description: string }[];
}

/** Every path of a command tree with what may come next: subcommands and long options. */
export function continuationsOf(command: Command, path = ''): Continuations[] {
  const subcommands = command.commands.map((each) => ({ word: each.name(), description: each.description() }));
  const options = command.options.flatMap((option) => (option.long ? [{ word: option.long, description: option.description }] : []));
  const deeper = command.commands.flatMap((each) => continuationsOf(each, path === '' ? each.name() : `${path} ${each.name()}`));
  return [{ path, words: [...subcommands, ...options] }, ...deeper];
}

function bash(all: readonly Continuations[]): string {
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`);
  return `# Completion of sluice for bash: source <(sluice completion bash)
_sluice_words() {
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
_sluice() {
  local words path='' word current="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    _sluice_words "\${path:+$path }$word" && path="\${path:+$path }$word"
  done
  _sluice_words "$path"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sluice sluice
`;
}

function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}

function zsh(all: readonly Continuations[]): string {
  const cases = all.map(({ path, words }) => {
    const described = words.map(({ word, description }) => `'${quoted(`${word.replaceAll(':', '\\:')}:${description}`)}'`);
    return `    '${path}') candidates=(${described.join(' ')}) ;;`;
  });
  return `#compdef sluice
# Completion of sluice for zsh: source <(sluice completion zsh), after compinit
_sluice_words() {
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
_sluice() {
  local -a candidates
  local place='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ "$word" == -* ]] && continue
    _sluice_words "\${place:+$place }$word" && place="\${place:+$place }$word"
  done
  _sluice_words "$place"
  _describe 'sluice' candidates || _files
}
compdef _sluice sluice
`;
}

function fish(all: readonly Continuations[]): string {
  const lines = all.flatMap(({ path, words }) =>
    words.map(({ word, description }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c sluice -n "__sluice_at '${path}'" ${what} -d '${description.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
    }),
  );
  const paths = all.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `# Completion of sluice for fish: sluice completion fish | source
set -g __sluice_paths ${paths.join(' ')}
function __sluice_at
  set -l place ''
  for word in (commandline -opc)[2..]
    string match -q -- '-*' $word; and continue
    set -l longer (string trim "$place $word")
    contains -- $longer $__sluice_paths; and set place $longer
  end
  test "$place" = "$argv[1]"
end
${lines.join('\n')}
`;
}

const shells: Readonly<Record<string, (all: readonly Continuations[]) => string>> = { bash, zsh, fish };

/** `sluice completion`. @param load all other commands */
export function completionCommand(load: () => Promise<Command[]>): Command {
  return new Command('completion')
    .description('completion for bash, zsh and fish')
    .argument('<shell>', 'bash, zsh or fish')
    .exitOverride()
    .addHelpText('after', '\nFor one session: source <(sluice completion bash). For all: put that line into ~/.bashrc.')
    .action(async (shell: string) => {
      const write = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
      if (!write) throw new CliFailure(2, `There is no completion for ${shell}; there is bash, zsh and fish.`);
      const root = new Command('sluice');
      for (const command of await load()) root.addCommand(command);
      root.command('completion').description('completion for bash, zsh and fish').argument('<shell>');
      printLine(write(continuationsOf(root)).trimEnd());
    });
}
