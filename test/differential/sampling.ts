/**
 * How much is compared. A plain run takes the same small sample each time, so that it fails only when the code has
 * changed; TIDEGATE_FUZZ_RUNS=20000 looks for new differences, from another place each time.
 */
export function sampling(numRuns: number): { numRuns: number; seed?: number } {
  const wanted = Number(process.env.TIDEGATE_FUZZ_RUNS ?? 0);
  return wanted > 0 ? { numRuns: wanted } : { numRuns, seed: 20_261_124 };
}
