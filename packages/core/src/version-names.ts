/**
 * Names in a run's folder of policy versions, for those that write into it: a link `<version>` for each, to a hidden folder of its content. How they come about is the
 * policy store's business.
 */

/** Of a version's content. */
export const contentPrefix = '.content-';
/** Of what is being made, a content or a link. */
export const stagedPrefix = '.staged-';
/** Of a version that was copied in as a plain folder, on its way to being a content. */
export const adoptingPrefix = '.adopting-';

/** Without leading zeros. */
export function isVersionName(name: string): boolean {
  return /^(0|[1-9]\d*)$/.test(name);
}
