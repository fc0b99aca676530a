/** Completion scripts of bash, zsh and fish, out of what can stand where (words.ts). Each finds the command that the line is at, and offers what may follow; files else. */
import type { Place, Word } from './words.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, places: readonly Place[]): string {
  return { bash, zsh, fish }[shell](places);
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Every step from a command to the one below it, as `store verify`. */
function steps(places: readonly Place[]): string[] {
  return places.map(({ path }) => path).filter((path) => path !== '');
}

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, commands, options }) => {
    const words = [...commands, ...options].map(({ text }) => text).join(' ');
    return `    ${quote(path)}) words=${quote(words)} ;;`;
  });
  const choices = places.flatMap(({ path, choices: some }) =>
    some.map(({ option, values }) => `    ${quote(`${path} ${option}`)}) words=${quote(values.join(' '))} ;;`),
  );
  return `# bash completion of segue: source <(segue completion bash)
_segue() {
  local at="" words="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${at:+$at }\${COMP_WORDS[i]}"
    case "$word" in
      ${steps(places).map(quote).join(' | ')}) at="$word" ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
${choices.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _segue segue
`;
}

function zsh(places: readonly Place[]): string {
  const list = (words: readonly Word[]) =>
    words.map(({ text, about }) => quote(`${text}:${about.replaceAll(':', '\\:')}`)).join(' ');
  const cases = places.map(
    ({ path, commands, options }) => `    ${quote(path)}) commands=(${list(commands)}); options=(${list(options)}) ;;`,
  );
  const choices = places.flatMap(({ path, choices: some }) =>
    some.map(({ option, values }) => `    ${quote(`${path} ${option}`)}) compadd -- ${values.join(' ')}; return ;;`),
  );
  return `#compdef segue
# zsh completion of segue: source <(segue completion zsh), or save it as _segue in a folder of $fpath
_segue() {
  local at="" word
  local -i i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    word="\${at:+$at }\${words[i]}"
    case "$word" in
      ${steps(places).map(quote).join(' | ')}) at="$word" ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  case "$at \${words[CURRENT-1]}" in
${choices.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe option options
  elif ((\${#commands})); then
    _describe command commands
  else
    _files
  fi
}
(( $+functions[compdef] )) && compdef _segue segue
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options, choices }) => {
    const when = `-n ${quote(`__segue_at ${quote(path)}`)}`;
    return [
      ...commands.map(({ text, about }) => `complete -c segue -f ${when} -a ${text} -d ${quote(about)}`),
      ...options.map(({ text, about }) => {
        const values = choices.find(({ option }) => option === text)?.values;
        const given = values === undefined ? '' : ` -x -a ${quote(values.join(' '))}`;
        return `complete -c segue ${when} -l ${text.replace(/^--/, '')}${given} -d ${quote(about)}`;
      }),
    ];
  });
  return `# fish completion of segue: segue completion fish | source
function __segue_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $word")
    switch "$next"
      case ${steps(places).map(quote).join(' ')}
        set at $next
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}
