/** For an option that may be repeated: all its values, in the order in which they are given. */
export function collected(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
