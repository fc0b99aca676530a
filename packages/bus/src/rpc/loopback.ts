/** Which hosts are this machine alone. */

/** @param host without port; an IPv6 address with or without brackets */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || /^\[?::1\]?$/.test(host) || /^127(\.\d{1,3}){3}$/.test(host);
}
