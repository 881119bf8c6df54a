/** The same pass with what the signer wraps around it: links resolved, and a second look that nothing changed. */
import { readImage } from '../../src/signer/release/image-file.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [file = ''] = argumentsOf('FILE');
await reportJob(async () => (await readImage(nodeFileSystem, file)).sha256);
