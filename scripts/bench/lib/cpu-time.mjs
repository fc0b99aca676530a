/** The processor time of this process: what a computation on one thread takes, whatever else the machine does meanwhile. */

export function cpuTimeMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
