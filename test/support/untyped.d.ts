// What tests use of libraries that bring no types.

declare module 'ltx' {
  export function parse(xml: string): unknown;
}
