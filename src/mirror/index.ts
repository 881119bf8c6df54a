/** `tidegate/mirror`: a repository crosses a gap. */
export { isTidegateError, TidegateError } from '../errors.ts';
export type { RepositoryFolders } from '../metadata/repository-layout.ts';
export { type Inventory, type InventoryFile, inventoryOf } from './inventory.ts';
