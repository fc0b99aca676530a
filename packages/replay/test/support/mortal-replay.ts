/** The store's process, with one change: it kills itself after the commit that DIE_AFTER names, before anything follows from it. */
import { replayConfigSchema } from '@segue/core';
import { buildReplay, type Notice } from '@segue/replay';
import { runService } from '@segue/service';

function isFatal(notice: Notice): boolean {
  if (notice.kind === 'group') return notice.kind === process.env.DIE_AFTER;
  const isOver = (notice.kind === 'segment' || notice.kind === 'score') && notice.trajectory.state === 'finished';
  return isOver && notice.kind === process.env.DIE_AFTER;
}

await runService({
  name: 'replay',
  schema: replayConfigSchema,
  build: (shell) =>
    buildReplay(shell, {
      afterCommit: (notices) => {
        if (notices.some(isFatal)) process.kill(process.pid, 'SIGKILL');
      },
    }),
});
