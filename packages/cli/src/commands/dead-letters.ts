/** `segue dead-letters`: what was given up; read it, put it back to work, or forget it. */
import type { DeadLetterRecord, RequeueOutcome } from '@segue/core';
import type { Command } from 'commander';
import { addConnectFlags, type ConnectFlags, withClient } from './connect.js';
import { addExamples, print, printEach } from './output.js';

const outcomes: Readonly<Record<RequeueOutcome, string>> = {
  'generated-again': 'goes on in the next iteration',
  'judged-again': 'is judged again',
  'problem-drawn-again':
    'was left out of a group that is trained on already; the next iteration begins a new group with its problem',
  'published-again': 'is on the bus again',
};

export function addDeadLettersCommand(program: Command): void {
  const command = program
    .command('dead-letters')
    .description('trajectories, verdicts and messages that were given up, with the reason');
  const lists = addConnectFlags(command.command('list').description('all of them, oldest first'))
    .option('--run <run>', 'those of one run alone', '')
    .action(list);
  addExamples(lists, 'segue dead-letters list', 'segue dead-letters list --run demo-1 --json');
  const shows = command.command('show <id>').description('one, with the body of a message in hex');
  addExamples(addConnectFlags(shows).action(show), 'segue dead-letters show trajectory-demo-1-g3-t0');
  const requeues = command.command('requeue <ids...>').description('put them back to work');
  addExamples(addConnectFlags(requeues).action(requeue), 'segue dead-letters requeue score-demo-1-g3-t0');
  const drops = command.command('drop <ids...>').description('forget them for good');
  addExamples(addConnectFlags(drops).action(drop), 'segue dead-letters drop message-17 message-18');
}

async function list(flags: ConnectFlags & { readonly run: string }): Promise<void> {
  await withClient(flags, async (client) => {
    const letters: DeadLetterRecord[] = [];
    for await (const letter of client.deadLetters(flags.run)) letters.push(letter);
    const text = (letter: DeadLetterRecord) => `${letter.id}\n    ${aboutOf(letter)}`;
    if (flags.json) printEach(flags, letters.map(plain), () => '', '');
    else printEach(flags, letters, text, 'no dead letters');
  });
}

async function show(id: string, flags: ConnectFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const letter = await client.deadLetter(id);
    print(flags, plain(letter), () =>
      [
        `${letter.id}  ${letter.kind}  run ${letter.runId || '-'}`,
        `subject  ${letter.subject}`,
        `reason   ${letter.reason}`,
        `when     ${new Date(letter.atMs).toISOString()}${letter.kind === 'message' ? '' : `, after ${letter.tries} tries`}`,
        ...(letter.kind === 'message'
          ? [`body     ${letter.body.byteLength} of ${letter.bodyBytes} bytes: ${hexOf(letter.body)}`]
          : []),
      ].join('\n'),
    );
  });
}

async function requeue(ids: readonly string[], flags: ConnectFlags): Promise<void> {
  await withClient(flags, async (client) => {
    for (const id of ids) {
      const outcome = await client.requeueDeadLetter(id);
      print(flags, { id, outcome }, () => `${id} ${outcomes[outcome]}`);
    }
  });
}

async function drop(ids: readonly string[], flags: ConnectFlags): Promise<void> {
  await withClient(flags, async (client) => {
    for (const id of ids) {
      const letter = await client.dropDeadLetter(id);
      print(flags, plain(letter), () => `${id} is forgotten`);
    }
  });
}

function aboutOf({ kind, reason, tries, subject }: DeadLetterRecord): string {
  return kind === 'message' ? `${subject}: ${reason}` : `after ${tries} tries: ${reason}`;
}

/** As JSON: the body in hex. */
function plain({ body, ...letter }: DeadLetterRecord): object {
  return { ...letter, bodyHex: hexOf(body) };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
