// Starts one of the TypeScript scripts of this folder. Plain JavaScript that an old Node.js can parse, because
// its one purpose is to say clearly what to do when the Node.js that npm found cannot run the others.
//
// Inside `npm run` the folder node_modules/.bin comes first on PATH, and the optional platform packages put a
// recent `node` there; so the check fails where no such package exists for the machine, or without npm.
import { existsSync, readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if ((major === 24 && minor >= 15) || major >= 26) {
  const name = process.argv[2] ?? '';
  if (!/^[a-z][a-z-]*$/.test(name)) {
    console.error(`start.js: the name of a script is expected (build, test, demo), not '${name}'`);
    process.exitCode = 64;
  } else {
    process.argv.splice(1, 2, new URL(`${name}.ts`, import.meta.url).pathname);
    await import(`./${name}.ts`);
  }
} else {
  const installed = existsSync(new URL('../node_modules/.bin/node', import.meta.url));
  const advice =
    installed && process.env.npm_lifecycle_event === undefined
      ? [`npm has installed one here: type \`npm run ${process.argv[2] ?? 'demo'}\`, which finds it.`]
      : [
          `npm usually brings one along as an optional package, but none is installed for ${process.platform}-${process.arch}.`,
          'Either run `npm ci` without --omit=optional, or put a newer node first on PATH (https://nodejs.org), then repeat.',
        ];
  const found = `Tidegate needs Node.js ${engines.node}; ${process.execPath} is ${process.versions.node}.`;
  console.error([found, ...advice].join('\n'));
  process.exitCode = 78;
}
