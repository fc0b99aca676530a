/**
 * The environment in which a service that runs for months keeps its memory level. An image sets the same (deploy/Dockerfile). Whoever starts a cluster with another
 * value of his own keeps it; programs of others that a service starts get none of it. docs/load.md has what each is worth; nothing here knows what the services do.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * glibc, which other C libraries do not read: by itself it gives each thread a heap of its own, keeps there what was freed between two blocks in use, and moves the limit
 * from which a block is mapped alone up to 32 MiB as soon as one was freed. Engines that come and go with their threads then leave hundreds of MiB behind. So: two heaps for
 * all threads, blocks from 256 KiB on mapped alone and given back when they are freed, and the end of a heap when it has 4 MiB free.
 */
const allocator: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: `${256 * 1024}`,
  MALLOC_TRIM_THRESHOLD_: `${4 * 1024 * 1024}`,
};

/** V8: the young generation of each heap has up to three times this, in MiB; 16 by itself, of which a service that waits has no use. */
const nodeFlags = '--max-semi-space-size=4';

/** What a service's process is given beside the environment of who starts it. @param own that environment */
export function memorySettings(own: Environment): Record<string, string> {
  const missing = Object.entries(allocator).filter(([name]) => own[name] === undefined);
  const options = withoutFlags(own.NODE_OPTIONS ?? '');
  // Of two values of one flag the last counts.
  return { ...Object.fromEntries(missing), NODE_OPTIONS: `${nodeFlags} ${options}`.trim() };
}

/** The environment of a service without these settings, for a program that is not ours; other values stay. @param own of the service */
export function withoutMemorySettings({ NODE_OPTIONS, ...own }: Environment): Record<string, string | undefined> {
  const kept = Object.fromEntries(Object.entries(own).filter(([name, value]) => allocator[name] !== value));
  const options = withoutFlags(NODE_OPTIONS ?? '');
  return options === '' ? kept : { ...kept, NODE_OPTIONS: options };
}

/** Without ours in front, where an image or a command has set it before. */
function withoutFlags(options: string): string {
  if (options === nodeFlags) return '';
  return options.startsWith(`${nodeFlags} `) ? options.slice(nodeFlags.length + 1) : options;
}
