/**
 * Output that nobody takes any more: a reader that has seen enough, such as `head`, and a terminal that was closed are no failures. What is written then is lost; what
 * the command does goes on to its end.
 */
const goneCodes = ['EPIPE', 'EIO'];

export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!goneCodes.includes(error.code ?? '')) throw error;
    });
  }
}
