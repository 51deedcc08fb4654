import { spawn } from 'node:child_process';

/**
 * Cleans up after this process, however it goes: the programs that it starts have sessions of their own, and when the
 * test runner is interrupted its watchdog ends the workers by SIGKILL. A shell reads what there is to clean up from a
 * pipe, and acts when the pipe is closed.
 */
const SCRIPT = `
pids= folder=
while read -r what which; do
  case $what in
    +) pids="$pids $which" ;;
    -) kept=; for pid in $pids; do [ "$pid" = "$which" ] || kept="$kept $pid"; done; pids=$kept ;;
    folder) folder=$which ;;
  esac
done
[ -z "$pids" ] || kill -9 $pids
[ -z "$folder" ] || rm -rf "$folder"
`;

let pipe: ((line: string) => void) | null = null;

function open(): (line: string) => void {
  const shell = spawn('sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  shell.unref();
  // Losing it loses the cleanup after an interruption, nothing else.
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  return (line) => void shell.stdin.write(`${line}\n`);
}

function say(line: string): void {
  pipe ??= open();
  pipe(line);
}

export function guardProgram(pid: number): void {
  say(`+ ${pid}`);
}

/** Its process id may soon be somebody else's. */
export function releaseProgram(pid: number): void {
  say(`- ${pid}`);
}

/** A temporary folder, one for each process. */
export function guardFolder(folder: string): void {
  say(`folder ${folder}`);
}
