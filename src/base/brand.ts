/** Nominal number types, so that a leaf index is never mistaken for a node index (RFC 9420 §4.1.1). */

declare const brand: unique symbol;

/** Marks a type with a name that exists only for the compiler. */
export interface Brand<Name extends string> {
  readonly [brand]: Name;
}

/** Position of a member in the tree, 0-based, uint32 (RFC 9420 §7). */
export type LeafIndex = number & Brand<'LeafIndex'>;

/** Position of a node in the array form of the tree, uint32 (RFC 9420 Appendix C). */
export type NodeIndex = number & Brand<'NodeIndex'>;

/** Epoch counter: uint64 on the wire, always `bigint` here (RFC 9420 §8.1). */
export type Epoch = bigint;

/** A value that passed its validation; only the validating function makes one. */
export type Verified<T> = T & Brand<'Verified'>;

/** Declare a number to be a leaf index. The caller has checked its range. */
export function leafIndex(value: number): LeafIndex {
  return value as LeafIndex;
}

/** Declare a number to be a node index. The caller has checked its range. */
export function nodeIndex(value: number): NodeIndex {
  return value as NodeIndex;
}

/** Declare a value checked; called at the end of a validation and nowhere else. */
export function verified<T>(value: T): Verified<T> {
  return value as Verified<T>;
}
