import { describe, expect, it } from 'vitest';
import { newBudget } from '../../src/engine/environment.ts';
import { evaluateArithmetic } from '../../src/engine/shell-arithmetic.ts';
import { readScript, shellCall } from '../../src/engine/shell-script.ts';
import { UNKNOWN } from '../../src/engine/words.ts';

function commands(text: string, variables: Readonly<Record<string, string>> = {}): readonly string[] {
  const state = {
    variables: new Map(),
    outer: new Map(Object.entries(variables).map(([name, value]) => [name, { value, path: [] }])),
    exported: null,
    positional: ['sh', 'one', 'two words'],
    hasUnseen: false,
    budget: newBudget(),
  };
  return readScript(text, state).map(({ words }) =>
    words.map((word) => word.marked.replaceAll(UNKNOWN, '?')).join('|'),
  );
}

describe('shell text', () => {
  const rows: readonly (readonly [name: string, text: string, want: readonly string[]])[] = [
    ['splits words', 'a b  c', ['a|b|c']],
    ['keeps quoted blanks', `a 'b c' "d e"`, ['a|b c|d e']],
    ['joins what touches', `a--x="b"'c'd`, ['a--x=bcd']],
    ['keeps an empty word', `a "" b`, ['a||b']],
    ['continues lines', 'a \\\n  --b 1 \\\n  --c', ['a|--b|1|--c']],
    ['skips comments', '# a --x\na b # --y\n#c', ['a|b']],
    ['keeps a # inside a word', 'a b#c', ['a|b#c']],
    ['separates commands', 'a && b; c || d | e & f\ng', ['a', 'b', 'c', 'd', 'e', 'f', 'g']],
    ['leaves redirections out', 'a > x 2>&1 b < y &> z', ['a|b']],
    ['skips here documents', 'cat > f <<EOF\nvllm serve x\nEOF\nb', ['cat', 'b']],
    ['skips indented here documents', 'cat <<-"E"\n\tx\n\tE\nb', ['cat', 'b']],
    ['reads assignments', 'M=foo; a $M', ['a|foo']],
    ['splits an unquoted value', 'X="--a 1"; b $X "$X"', ['b|--a|1|--a 1']],
    ['keeps assignments for one command away', 'M=1 a; b $M', ['a', 'b|?']],
    ['takes defaults', `a \${X:-8} \${Y-} "\${Y-}" \${Z:-"q r"}`, ['a|8||q r']],
    ['takes a value over its default', `X=2; a \${X:-8}`, ['a|2']],
    ['takes the alternative of a set variable', `X=2; a \${X:+--x} \${Y:+--y}`, ['a|--x']],
    ['nests defaults', `a \${X:-\${Y:-\${Z:-3}}}`, ['a|3']],
    ['cannot know other expansions', `X=ab; a \${X%b} \${#X} $(hostname) \`date\` $RANDOM`, ['a|?|?|?|?|?']],
    ['computes', 'N=2; a $((N*4)) $(( $N + 1 )) $((U*2))', ['a|8|3|?']],
    ['reads arrays', `A=(--x 1 # c\n "y z"); A+=(w); a "\${A[@]}"`, ['a|--x|1|y z|w']],
    ['passes arguments on', 'exec a "$@" $1 $0', ['exec|a|one|two words|one|sh']],
    ['knows arguments that are set', 'set -- p q; a "$@"', ['a|p|q']],
    ['distrusts a conditional assignment', 'X=1; if [ -f f ]; then X=2; fi; a $X', ['[|-f|f|]', 'a|?']],
    ['distrusts an assignment behind a test', '[ -f f ] && X=2; a $X', ['[|-f|f|]', 'a|?']],
    ['trusts a chain of steps', 'cd /x && X=2 && a $X', ['cd|/x', 'a|2']],
    ['distrusts loop variables', 'for i in 1 2; do a $i; done', ['a|?']],
    ['finds commands in branches', 'if x; then a; else b; fi', ['x', 'a', 'b']],
    ['exports', 'export X=1 Y; a $X', ['a|1']],
    ['reads eval', 'X="b c"; eval "a $X \\$X"', ['a|b|c|b|c']],
    ['gives up on read', 'X=1; read X; a $X', ['a|?']],
    ['appends to a text', 'X=a; X+=b; c $X', ['c|ab']],
    ['survives what is not closed', `a "b $(c \${d 'e`, ['a|b ?']],
  ];

  it.each(rows)('%s', (_name, text, want) => {
    expect(commands(text)).toEqual(want);
  });

  it('sees the variables of the container', () => {
    expect(commands('a $M', { M: 'x y' })).toEqual(['a|x|y']);
  });

  it('tells a program which variables it sees', () => {
    const state = {
      variables: new Map(),
      outer: new Map(),
      exported: null,
      positional: ['sh'],
      hasUnseen: false,
      budget: newBudget(),
    };
    const [first] = readScript('A=1; export B=2; C=3 a', state);
    expect(first?.exported).toEqual({
      name: 'C',
      value: '3',
      before: { name: 'B', value: '2', before: null },
    });
  });
});

describe('a shell call', () => {
  const rows: readonly (readonly [argv: readonly string[], want: number | null])[] = [
    [['bash', '-c', 'x'], 2],
    [['sh', '-lc', 'x'], 2],
    [['bash', '-ec', 'x', 'name', 'a'], 2],
    [['bash', '-l', '-c', 'x'], 3],
    [['bash', '-o', 'pipefail', '-c', 'x'], 4],
    [['bash', '-euo', 'pipefail', '-c', 'x'], 4],
    [['bash', '-c', '--', 'x'], 3],
    [['bash', '/run.sh'], -1],
    [['bash', '-c'], -1],
    [['vllm', '-c', 'x'], null],
  ];

  it.each(rows)('in %j is at %j', (argv, want) => {
    expect(shellCall(argv[0] ?? '', argv)?.script ?? null).toBe(want);
  });
});

describe('shell arithmetic', () => {
  it.each([
    ['2*3+4', 10],
    ['2 + 3 * 4', 14],
    ['(2+3)*4', 20],
    ['-2', -2],
    ['7/2', 3],
    ['7%4', 3],
    ['A*1024', 131_072],
    ['1/0', null],
    ['B*2', null],
    ['2**3', null],
    ['1 2', null],
    ['', null],
  ])('of %j is %j', (text, want) => {
    expect(evaluateArithmetic(text, (name) => (name === 'A' ? '128' : null))).toBe(want);
  });
});
