/** The demo from its first file to its last check: images, workspace, publication, server, fleet, attacks, roll-out. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { serve } from '../../src/server/serve.ts';
import type { Release } from '../../src/waves/release.ts';
import { attacksOn, type Refusal, tellRefusal, tryAttacks } from './attacks.ts';
import { createClock, day, hour } from './clock.ts';
import { finalChecks } from './final-checks.ts';
import { makeFleet, requireSpace, slotSizeFor } from './fleet.ts';
import { planFleet } from './fleet-plan.ts';
import type { DemoHost, FleetSettings } from './host.ts';
import { type HostileProxy, startHostileProxy } from './hostile-proxy.ts';
import { type ImageSet, makeImages, sizeText } from './images.ts';
import { daysOfRollout, outcomeOf, type Scene, type Stage, viewOf } from './outcome.ts';
import { drawFleet } from './picture.ts';
import { fleetName, publishDemo, renew } from './publication.ts';
import { firstChecks, type Rollout, releaseIn, runRollout, withConnection } from './rollout.ts';
import type { Outcome } from './summary.ts';

/** Real milliseconds for a day, where somebody watches. */
const dayLasts = 700;

export async function runDemo(stage: Stage): Promise<Outcome> {
  const { story, options, folder, signal } = stage;
  const images = await story.phase('Images', () => prepareImages(stage));
  await requireSpace(folder.hosts, images, options.hosts);
  // The release starts so long ago that its last wave is through now: what lies here afterwards is current.
  const start = Math.floor(stage.realTime / hour) * hour - daysOfRollout * day;
  const publication = await story.phase('Signing and publishing', () =>
    publishDemo({ folder, images, signedAt: start - hour, startTime: start, story, signal }),
  );
  let draw = (): void => undefined;
  const clock = createClock({
    start,
    dayLasts: stage.screen.columns === undefined ? 0 : dayLasts,
    ticked: () => draw(),
  });
  const server = await serve({ store: publication.workspace.store, clock: clock.now });
  const proxy = await startHostileProxy(server.url);
  try {
    const scene = await setUpFleet({ stage, images, publication, server, clock });
    draw = () => drawScene(scene);
    return await playOut(scene, { proxy, draw, end: start + daysOfRollout * day });
  } finally {
    stage.screen.picture([]);
    await proxy.close();
    await server.close();
  }
}

async function prepareImages({ story, options, folder, signal, repository }: Stage): Promise<ImageSet> {
  const note = (line: string): void => story.note(line);
  const images = await makeImages({
    ...{ source: options.images, repository, folder: folder.images, signal, note },
  });
  for (const image of images.images) {
    const { version, content, publishedLength, description } = image;
    const data = { version, content, publishedLength };
    story.note(`${version}: ${sizeText(image)} (${description})`, data);
  }
  return images;
}

function drawScene(scene: Scene): void {
  const { screen, styler } = scene.stage;
  if (screen.columns !== undefined) screen.picture(drawFleet(viewOf(scene), screen.columns, styler));
}

async function setUpFleet(given: Omit<Scene, 'start' | 'hosts' | 'settings' | 'release'>): Promise<Scene> {
  const { stage, images, publication, server, clock } = given;
  const { story, options, folder, signal } = stage;
  const settings: FleetSettings = {
    ...fleetName,
    trustedRoot: publication.trustedRoot,
    folders: publication.folders,
    slotSize: slotSizeFor(images),
    contents: new Map(images.images.map(({ version, content }) => [version, content])),
    now: clock.now,
  };
  const plan = planFleet(options.hosts);
  return await story.phase(`A fleet of ${plan.length} hosts`, async () => {
    story.note(`server at ${server.url}`, { url: server.url });
    const hosts = await makeFleet({ folder: folder.hosts, plan, images, settings, signal });
    story.note(`${plan.length} hosts run ${images.images[0].version} from slot a`);
    const release = await readRelease(hosts, server.url, images);
    const scene = { ...given, start: clock.now(), hosts, settings, release };
    await firstChecks(
      rolloutOf(
        scene,
        () => undefined,
        async () => undefined,
      ),
      release,
    );
    return scene;
  });
}

/** As a host reads it, through both verifiers. */
async function readRelease(hosts: readonly DemoHost[], url: string, images: ImageSet): Promise<Release> {
  const [first] = hosts;
  if (first === undefined) throw new Error('the fleet is empty');
  let release: Release | undefined;
  await withConnection(first, url, async ({ client }) => {
    release = releaseIn(await client.manifest(), images.images.at(-1)?.version ?? '');
  });
  if (release === undefined) throw new Error('the first host read no manifest');
  return release;
}

interface Play {
  readonly proxy: HostileProxy;
  readonly draw: () => void;
  /** When the last host is through for certain. */
  readonly end: number;
}

async function playOut(scene: Scene, { proxy, draw, end }: Play): Promise<Outcome> {
  const { stage, clock, hosts, images, publication } = scene;
  const { story, signal } = stage;
  const refusals: Refusal[] = [];
  const attack = async (host: DemoHost): Promise<void> => {
    refusals.push(...(await attackHost(scene, host, proxy, draw)));
  };
  const rollout = rolloutOf(scene, draw, attack);
  await story.phase('Waves open, hosts move (the days of the default policy)', async () => {
    draw();
    await runRollout(rollout);
    await clock.advanceTo(end, signal);
    stage.screen.picture([]);
  });
  await story.phase('A last look at every host', async () => {
    await renew(publication, clock.now(), signal);
    const contents = new Map(images.images.map(({ version, content }) => [version, content]));
    await finalChecks({ ...rollout, contents, release: scene.release, refusals });
    await tidy(stage, hosts);
  });
  return outcomeOf(scene, refusals);
}

function rolloutOf(scene: Scene, changed: () => void, attack: Rollout['attack']): Rollout {
  const { stage, clock, hosts, server, start, release, publication } = scene;
  const { story, signal } = stage;
  return {
    ...{ story, clock, hosts, start, signal, changed, attack },
    url: server.url,
    now: clock.now,
    version: release.version,
    renew: (now) => renew(publication, now, signal),
  };
}

async function attackHost(
  { stage, images, publication, clock }: Scene,
  host: DemoHost,
  proxy: HostileProxy,
  draw: () => void,
): Promise<readonly Refusal[]> {
  const [first] = images.images;
  const material = { ...publication, otherImage: await readFile(first.path) };
  const { story, signal } = stage;
  const over = (refusal: Refusal): void => {
    tellRefusal(story, host, refusal, clock.now());
    draw();
  };
  return await tryAttacks(attacksOn(material), { host, proxy, signal, over });
}

/** Gigabytes that nobody will look at again. */
async function tidy({ options, folder, story }: Stage, hosts: readonly DemoHost[]): Promise<void> {
  await rm(join(folder.images, 'factory.img'), { force: true });
  await rm(folder.stranger, { recursive: true });
  if (options.keep) return;
  const others = hosts.filter(({ part }) => part === 'plain');
  for (const host of others)
    for (const slot of ['slot-a', 'slot-b'])
      await rm(join(host.slots.location, slot, 'image.img'), { force: true });
  story.note(`removed the images in the slots of ${others.length} hosts (--keep leaves them)`);
}
