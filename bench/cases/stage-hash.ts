/** What `release add` does with an image first: one pass for its length and SHA-256. */
import { hashFile } from '../../src/storage/file-content.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [file = ''] = argumentsOf('FILE');
await reportJob(async () => (await hashFile(nodeFileSystem, file)).sha256);
