#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { launch } from '../runtime.ts';

await launch(fileURLToPath(import.meta.url), () => import('./main.ts'));
