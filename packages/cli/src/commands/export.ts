/** `segue export`: a policy version of a run as a checkpoint in the layout of Hugging Face. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { withProgress } from '../view/progress.js';
import { addConnectFlags, type ConnectFlags, withClient } from './connect.js';
import { wholeNumber } from './options.js';
import { addExamples, print } from './output.js';

interface ExportFlags extends ConnectFlags {
  readonly policyVersion?: number;
}

export function addExportCommand(program: Command): void {
  const command = program
    .command('export <run> <folder>')
    .description('write the weights of a running cluster into a new folder, in the layout of Hugging Face')
    .option('--policy-version <n>', 'which version; else the active one', wholeNumber(0));
  addConnectFlags(command).action(exportWeights);
  addExamples(command, 'segue export demo-1 my-policy', 'segue export demo-1 my-policy --policy-version 12 --json');
}

async function exportWeights(run: string, folder: string, flags: ExportFlags): Promise<void> {
  const manifest = await withProgress(`exporting ${run}`, (progress) =>
    withClient(flags, (client) =>
      client.exportPolicy(run, resolve(folder), {
        policyVersion: flags.policyVersion,
        onProgress: (bytes) => progress.update(`${(bytes / 1e6).toFixed(1)} MB`),
      }),
    ),
  );
  const { version, origin, files } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  print(flags, { run, version, origin, folder, files }, () =>
    [`version ${version} of ${run} is in ${folder}`, `${files.length} files, ${bytes} bytes`].join('\n'),
  );
}
