/** A Python that can run packages/client/python, where this machine has one: nothing is installed for a test. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const pythonFolder = fileURLToPath(new URL('../../packages/client/python', import.meta.url));
export const pythonPath = `${pythonFolder}/src`;

/** SEGUE_PYTHON, else python3; with the reason when it cannot run the example. */
export function findPython(): { readonly python: string } | { readonly why: string } {
  const python = process.env.SEGUE_PYTHON ?? 'python3';
  const env = { ...process.env, PYTHONPATH: pythonPath, PYTHONDONTWRITEBYTECODE: '1' };
  const { status, error, stderr } = spawnSync(python, ['-c', 'import segue.v1.controller_pb2_grpc'], {
    env,
    encoding: 'utf8',
  });
  if (status === 0) return { python };
  const reason = error ? error.message : (stderr.trim().split('\n').at(-1) ?? '');
  return { why: `${python} cannot run packages/client/python (${reason}); name one that can in SEGUE_PYTHON` };
}
