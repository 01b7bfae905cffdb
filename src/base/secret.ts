/** Secrets are plain byte strings with one owner; this is how the owner ends them. */

/** Overwrite secrets with zeros. Best effort: a JavaScript engine may hold copies. */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}
