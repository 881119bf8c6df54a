/** Our server in front of a folder, in a process of its own; says its address and runs until it is ended. */
import { serve } from '../../src/server/serve.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { argumentsOf } from '../job.ts';

const [folder = ''] = argumentsOf('FOLDER');
const { url } = await serve({ store: new DirectoryStore(folder) });
process.stdout.write(`${url}\n`);
